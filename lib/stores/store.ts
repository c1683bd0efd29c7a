// The contract between the plugin and a place where sessions are kept.

/** What the session list shows of a session, as `describeSession` returned it: small, JSON-serializable. */
export type SessionDetails = Record<string, unknown>

/**
 * One login on one device: one row, however often its refresh token rotates. All times are milliseconds since the
 * epoch.
 */
export interface Session {
  id: string
  userId: string
  /**
   * Counts rotations: the generation of the newest refresh token that has rotated; 0 from login until the first
   * rotation. With `refreshToken.strict` that of the newest token issued; 1 from login on.
   */
  generation: number
  /** The `jti` of that token; until the first rotation, of the token that login issued. */
  tokenId: string
  createdAt: number
  /** When `generation` last moved on. */
  rotatedAt: number
  /** From this moment on the session is as good as none, in every method of the store. */
  expiresAt: number
  scope: string[]
  details: SessionDetails
  /**
   * The generation that the last `advance` replaced. Optional: a store that keeps it lets the plugin report the event
   * `store-rollback`.
   */
  previousGeneration?: number
}

/** The fields of a session that a refresh moves on, together. Times in milliseconds since the epoch. */
export interface Rotation {
  generation: number
  tokenId: string
  rotatedAt: number
  expiresAt: number
}

/**
 * Where sessions are kept. Six methods; each works with values it does not own (it copies in and out), treats an
 * expired session as none, and rejects when the store cannot be reached, which callers of the plugin see as `503`.
 * `fastify-token-auth/testing` has the tests that an implementation must pass.
 */
export interface RefreshTokenStore {
  /** Keep a new session. Its id is random and has never been used. */
  create (session: Session): Promise<void>
  /**
   * Atomic: if the stored generation is lower than `rotation.generation`, take the rotation's fields. Resolve to the
   * session as it then stands, moved on or not, or to `null` if there is none.
   */
  advance (id: string, rotation: Rotation): Promise<Session | null>
  /** The session, or `null`. */
  find (id: string): Promise<Session | null>
  /** Delete the session; resolves to whether there was one. */
  delete (id: string): Promise<boolean>
  /** All sessions of a user, in any order. */
  findByUser (userId: string): Promise<Session[]>
  /** Delete all sessions of a user, save the one whose id is `except`; resolves to their number. */
  deleteByUser (userId: string, options?: { except?: string }): Promise<number>
  /**
   * Optional: report sessions deleted anywhere, through this object too, so that the guard of every process refuses
   * their access tokens at once. Where several processes share the storage, those deleted within the last hour at
   * least are reported on subscribing, for what a process has missed. The same id may be reported twice. Resolves to a
   * function that ends the subscription. A rejection is logged and not tried again until the next start.
   */
  subscribe? (onRevoked: (sessionId: string) => void): Promise<() => Promise<void>>
}
