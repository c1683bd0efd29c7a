// The tabs of a browser share one refresh cookie: they take turns with it, and tell each other what came of it. Both save requests; nothing relies on them.

/** The parts of a browser that Node.js, React Native, old browsers and plain http pages lack. */
interface Browser {
  location?: unknown
  navigator?: { locks?: { request (name: string, options: { signal: AbortSignal }, job: () => Promise<unknown>): Promise<unknown> } }
  BroadcastChannel?: new (name: string) => Channel
  addEventListener? (type: 'pageshow', listener: (event: { persisted: boolean }) => void): void
}

interface Channel {
  onmessage: unknown
  postMessage (message: unknown): void
  close (): void
}

/** Milliseconds to wait for a message of our own. */
const PING_TIMEOUT = 500

/** This tab's place among the tabs. */
export interface Tabs<Message> {
  /** Run one job at a time in this tab, and in all tabs as well as the browser can tell. */
  takeTurn<T> (job: () => Promise<T>): Promise<T>
  /** Tell all other tabs. */
  tell (message: Message): void
}

interface TabsOptions<Message> {
  /** What tabs have in common that belong together. */
  name: string
  /** Neither wait for other tabs nor talk to them. */
  alone: boolean
  /** Milliseconds to wait for another tab's job before going ahead beside it. */
  lockTimeout: number
  /** Called with what another tab tells. */
  onMessage: (message: Message) => void
  /** Called when the back button brings this page back out of the browser's memory, where it heard nothing. */
  onReturn: () => void
}

/** Join the other tabs. Where there is no page, as on a server, whose clients are of different people, each stays alone. */
export function joinTabs<Message> ({ name, alone, lockTimeout, onMessage, onReturn }: TabsOptions<Message>): Tabs<Message> {
  const page: Browser = globalThis
  const browser = alone || !page.location ? {} : page
  const channel = openChannel(browser, name)
  const ownPing = `${Math.random()}`
  let heardPing: (() => void) | undefined
  let lastTurn: Promise<unknown> = Promise.resolve()

  if (channel) {
    channel.onmessage = ({ data }: { data: unknown }) => {
      if (typeof data !== 'string') onMessage(data as Message)
      else if (data === ownPing) heardPing?.()
    }
  }
  browser.addEventListener?.('pageshow', ({ persisted }) => { if (persisted) onReturn() })

  async function withLock<T> (job: () => Promise<T>): Promise<T> {
    const locks = browser.navigator?.locks
    if (!locks) return job()
    const patience = new AbortController()
    // of no effect once the lock is there
    setTimeout(() => patience.abort(), lockTimeout)
    let work: Promise<T> | undefined
    try {
      await locks.request(name, { signal: patience.signal }, async () => {
        await pingSelf()
        work = job()
        await work
        await pingSelf()
      })
    } catch {
      // it took too long, or the browser gives this page no lock, or the job failed, which the caller learns from it
    }
    return work ?? job()
  }

  /**
   * Wait until a message of our own has come round: what was told before has gone out, and what was told to us has come in.
   * The lock may travel faster than the news, so the tab that hands it over waits, and the tab that gets it. If the message
   * never comes, a tab goes ahead without the news, and may make a refresh that another has just made.
   */
  async function pingSelf (): Promise<void> {
    const ping = openChannel(browser, name)
    if (!ping) return
    await new Promise<void>((resolve) => {
      heardPing = resolve
      setTimeout(resolve, PING_TIMEOUT)
      ping.postMessage(ownPing)
      ping.close()
    })
  }

  return {
    takeTurn (job) {
      const turn = lastTurn.then(() => withLock(job))
      lastTurn = turn.catch(() => {})
      return turn
    },
    tell (message) { channel?.postMessage(message) }
  }
}

function openChannel ({ BroadcastChannel }: Browser, name: string): Channel | undefined {
  try {
    return BroadcastChannel && new BroadcastChannel(name)
  } catch {
    // a browser that is told to keep no data may refuse
    return undefined
  }
}
