// WebSocket: it gets a token as its first message, the next one before that expires, and comes back when it is cut off.
/** What the recipe needs of a client. */
interface Auth {
  readonly state: string
  readonly claims: { exp: number, iat: number } | null
  restore (): Promise<unknown>
  token (): Promise<string | null>
}

/** The close code by which the server of `websocket.ts` says that it wants a good token. */
const UNAUTHORIZED = 4401

/** A connection that comes back by itself. */
interface Connection {
  /** Returns whether it could be sent: there may be no connection at the moment. */
  send (message: object): boolean
  /** Close it for good. */
  close (): void
}

/** Open a connection that lasts as long as somebody is signed in. */
export function openSocket (auth: Auth, url: string, onMessage: (message: unknown) => void): Connection {
  let current: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout>
  let failures = 0
  let isOver = false

  async function connect (): Promise<void> {
    const token = await auth.token().catch(() => undefined)
    if (isOver || token === null) return
    if (token === undefined) return connectLater()
    const socket = current = new WebSocket(url)
    socket.onopen = () => { present(socket, token) }
    socket.onmessage = ({ data }) => {
      failures = 0
      onMessage(JSON.parse(data))
    }
    socket.onclose = async ({ code }) => {
      clearTimeout(timer)
      // a token that the server did not want is not presented again
      if (code === UNAUTHORIZED) await auth.restore().catch(() => {})
      connectLater()
    }
  }

  function connectLater (): void {
    if (!isOver) timer = setTimeout(connect, Math.min(30_000, 250 * 2 ** failures++))
  }

  /** Present a token, and a new one when four fifths of its life are over. */
  function present (socket: WebSocket, token: string): void {
    socket.send(JSON.stringify({ token }))
    const { exp = 0, iat = 0 } = auth.claims ?? {}
    timer = setTimeout(async () => {
      await auth.restore().catch(() => {})
      const next = await auth.token().catch(() => null)
      if (next !== null && socket.readyState === WebSocket.OPEN) present(socket, next)
    }, (exp - iat) * 800)
  }

  connect()
  return {
    send (message) {
      const isOpen = current?.readyState === WebSocket.OPEN
      if (isOpen) current?.send(JSON.stringify(message))
      return isOpen
    },
    close () {
      isOver = true
      clearTimeout(timer)
      current?.close()
    }
  }
}
