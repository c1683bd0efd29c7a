// Does what the page was asked to do, one thing at a time, and goes on trying where that may help.
import { AuthError } from 'fastify-token-auth/client'

const LONGEST_PAUSE_SECONDS = 4

/**
 * @param onBegin called with the title of each act
 * @param onTrouble called with an AuthError, and whether the act is tried again
 * @param onDone called when an act has come to its end
 */
export function createActs ({ onBegin, onTrouble, onDone }) {
  let isBusy = false
  let last = Promise.resolve()
  let tryAgain = null
  let timer

  function stop () {
    clearTimeout(timer)
    tryAgain = null
  }

  /** Take the steps in order; after a failure that may pass, go on with the step that failed. */
  async function take (steps, failures = 0) {
    stop()
    isBusy = true
    let done = 0
    try {
      for (const step of steps) {
        await step()
        done++
      }
      onDone()
    } catch (error) {
      if (!(error instanceof AuthError)) throw error
      if (mayPass(error)) {
        const seconds = error.retryAfter ?? Math.min(LONGEST_PAUSE_SECONDS, 2 ** failures)
        tryAgain = () => { last = take(steps.slice(done), done > 0 ? 1 : failures + 1) }
        timer = setTimeout(tryAgain, seconds * 1000)
      }
      onTrouble(error, tryAgain !== null)
    } finally {
      isBusy = false
    }
  }

  return {
    /** Whether nothing is under way and nothing waits to be tried again. */
    get isIdle () { return !isBusy && tryAgain === null },
    /** Begin an act, unless one is under way; one that waits to be tried again gives way. */
    act (title, ...steps) {
      if (isBusy) return
      onBegin(title)
      last = take(steps)
    },
    /** Take more steps when what is under way has ended. */
    after (...steps) { last = last.then(() => take(steps)) },
    /** Do not wait any longer before trying again. */
    hurry () { tryAgain?.() },
    /** Try nothing again. */
    stop
  }
}

/** No answer, an overloaded server, a store that is down: nothing that signs anybody out, and nothing that lasts. */
function mayPass ({ code, status }) {
  return code !== 'USER_CHANGED' && (status < 400 || status === 429 || status >= 500)
}
