// Remembers which sessions were revoked, for as long as an access token of theirs can be about.
import type { FastifyInstance } from 'fastify'
import type { ResolvedOptions } from './options.ts'

/**
 * Ids of revoked sessions, as far as this process has heard of them. Each is kept for at least one access-token life,
 * and dropped by the first revocation more than three lives after it at the latest.
 */
export class RevokedSessions {
  readonly #life: number
  readonly #clock: () => number
  #young = new Set<string>()
  #old = new Set<string>()
  #since = -Infinity

  /** @param life how long an access token lives, tolerance included, in milliseconds */
  constructor (life: number, clock: () => number) {
    this.#life = life
    this.#clock = clock
  }

  add (sessionId: string): void {
    const now = this.#clock()
    if (now - this.#since > this.#life) {
      this.#old = now - this.#since > 2 * this.#life ? new Set() : this.#young
      this.#young = new Set()
      this.#since = now
    }
    this.#young.add(sessionId)
  }

  has (sessionId: string): boolean {
    return this.#young.has(sessionId) || this.#old.has(sessionId)
  }
}

/** Hear of the sessions that are revoked in any process, from when the app is ready until it closes, if the store can tell. */
export function watchRevocations (app: FastifyInstance, { hostStore, accessToken, clock }: ResolvedOptions): RevokedSessions {
  const revoked = new RevokedSessions(accessToken.expiresIn + accessToken.clockTolerance, clock)
  let unsubscribe: (() => Promise<void>) | undefined
  app.addHook('onReady', async () => {
    try {
      unsubscribe = await hostStore.subscribe?.((sessionId) => { revoked.add(sessionId) })
    } catch (err) {
      app.log.error({ err }, 'fastify-token-auth: cannot subscribe to revocations; until the next start, access tokens of revoked sessions live on until they expire')
    }
  })
  app.addHook('onClose', async () => { await unsubscribe?.() })
  return revoked
}
