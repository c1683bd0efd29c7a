// In a page: does something with the client, shows what went wrong, and asks again for as long as the server cannot say who is logged in.

/** What it needs of the client. */
interface Auth {
  readonly state: string
  restore (): Promise<unknown>
}

/** @param show shows a message to the person */
export function createAttempt (auth: Auth, show: (message: string) => void) {
  return async function attempt (work: () => unknown): Promise<void> {
    try {
      await work()
    } catch (error) {
      const { code, message, retryAfter = 2 } = error as Error & { code?: string, retryAfter?: number }
      // what was asked for somebody who has logged out since is of no interest
      if (code !== 'USER_CHANGED') show(message)
      // a server that cannot say who is logged in has not said that nobody is
      if (auth.state === 'unknown') setTimeout(attempt, retryAfter * 1000, auth.restore)
    }
  }
}
