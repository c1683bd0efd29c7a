// What this tab knows of who is signed in, and whom it tells when that changes.
import type { Grant } from './routes.ts'

/** `unknown` until the server was asked for the first time. */
export type AuthState = 'unknown' | 'signed-in' | 'signed-out'

/** What changed what the client knows. */
export interface AuthEvent {
  /**
   * - `login`: a person logged in
   * - `refresh`: a new access token came, and perhaps new claims
   * - `logout`: the person logged out
   * - `session-ended`: the server said that the session is over, or that there was none
   * - `page-restored`: the back button brought the page back as it once was; whether the person is still signed in is being asked
   */
  type: 'login' | 'refresh' | 'logout' | 'session-ended' | 'page-restored'
  /** Whether it happened in another tab. */
  elsewhere: boolean
}

/** Called after every change. */
export type AuthListener = (state: AuthState, event: AuthEvent) => void

/** A change as other tabs hear of it. */
export interface Change {
  type: AuthEvent['type']
  /** The session it is about, where that is known. */
  sid: string | undefined
  grant: Grant | undefined
}

/** The session of this tab. */
export interface Session {
  readonly state: AuthState
  readonly grant: Grant | undefined
  /** Seconds until the access token expires, by a clock that nobody sets; too many after the machine has slept, so the server has the last word. */
  readonly secondsLeft: number
  /** Counts changes, so that an answer to a question asked before the last one can be told. */
  readonly version: number
  /** Take over what this tab found out; returns what to tell the others. */
  change (type: AuthEvent['type'], grant?: Grant): Change
  /** Take over what another tab found out, if it concerns this one; returns whether it does. */
  hear (change: Change): boolean
  subscribe (listener: AuthListener): () => void
}

/** Nobody is known yet. */
export function createSession (): Session {
  const listeners = new Set<AuthListener>()
  let state: AuthState = 'unknown'
  let grant: Grant | undefined
  let receivedAt = 0
  let version = 0
  // stays when the session has ended: a straggler's token for it must not bring it back
  let sid: string | undefined

  function take (change: Change, elsewhere: boolean): Change {
    version++
    grant = change.grant
    receivedAt = performance.now()
    sid = change.sid ?? sid
    state = grant ? 'signed-in' : change.type === 'page-restored' ? 'unknown' : 'signed-out'
    for (const listener of listeners) {
      try {
        listener(state, { type: change.type, elsewhere })
      } catch (error) {
        // reported by the page like any error nobody caught, and no reason for the log-in to fail
        setTimeout(() => { throw error })
      }
    }
    return change
  }

  return {
    get state () { return state },
    get grant () { return grant },
    get secondsLeft () { return grant ? grant.expiresIn - (performance.now() - receivedAt) / 1000 : 0 },
    get version () { return version },

    change: (type, granted) => take({ type, grant: granted, sid: granted ? granted.claims.sid : sid }, false),

    hear (change) {
      // what a person does counts everywhere; what a refresh brought to light, only for the session it was made for
      const isDeed = change.type === 'login' || change.type === 'logout'
      const isOurs = state === 'unknown' || (state === 'signed-in') === (change.sid === sid)
      if (isDeed || isOurs) take(change, true)
      return isDeed || isOurs
    },

    subscribe (listener) {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    }
  }
}
