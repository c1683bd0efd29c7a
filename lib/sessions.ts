// Sessions: open, refresh, close. What the routes and app.tokenAuth share; all that is asked of the store and the user verifier is asked here.
import type { FastifyRequest } from 'fastify'
import { Check } from 'typebox/value'
import type { AccessTokens, IssuedAccessToken } from './access-token.ts'
import type { BoundedStore } from './bounded-store.ts'
import { TokenAuthError } from './errors.ts'
import type { Emit, RefreshRejection } from './events.ts'
import type { ResolvedOptions, TokenAuthUser } from './options.ts'
import { randomId } from './random-id.ts'
import type { PresentedToken, RefreshToken, RefreshTokens } from './refresh-token.ts'
import { holdOf, isHeld, judge, judgeStrictly, type Verdict } from './rotation.ts'
import { Scope } from './schemas.ts'
import type { Session, SessionDetails } from './stores/store.ts'

/** What a login or a refresh yields. */
export interface Grant extends IssuedAccessToken {
  /** Missing where the client's own is too new to be replaced. */
  refresh?: {
    token: string
    /** Seconds until it expires. */
    maxAge: number
  }
}

/** What became of a refresh token. */
interface Judged {
  session: Session | null
  verdict: Verdict
  /** The refresh token to answer, if any. */
  successor?: RefreshToken
}

/** What the host may say of a session that it opens. */
export interface NewSession {
  /** What its access tokens may be used for. @default what the option `scope` says */
  scope?: string[]
  /** What the session list shows of it, besides what `describeSession` returns. */
  details?: SessionDetails
  /** When the person showed who they are, if that was not just now: at an identity provider, or before a migration. `maxAge` and the session's end count from then. @default now */
  authenticatedAt?: Date
}

/** Collaborators of the sessions. */
export interface SessionsContext {
  options: ResolvedOptions
  store: BoundedStore
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  emit: Emit
}

export type Sessions = ReturnType<typeof createSessions>

export function createSessions ({ options, store, accessTokens, refreshTokens, emit }: SessionsContext) {
  const { userVerifier, clock, describeSession, scopeOf, maxSessionsPerUser } = options
  const { expiresIn, idleTimeout, leeway, strict } = options.refreshToken

  return {
    /** Open a session for a user who has just shown who they are. @param previous the refresh tokens that the request carried: their session ends */
    async open (user: TokenAuthUser, request: FastifyRequest | undefined, previous: string[], { scope, details, authenticatedAt }: NewSession = {}): Promise<Grant> {
      if (!isUser(user)) throw new TokenAuthError('INVALID_USER')
      scope ??= await scopeOf(user)
      if (!Check(Scope, scope)) throw new TokenAuthError('INVALID_SCOPE')
      if (Number.isNaN(authenticatedAt?.getTime())) throw new TokenAuthError('INVALID_OPTION', { message: 'authenticatedAt is no valid date' })
      const now = clock()
      const authTime = Math.floor(Math.min(now, authenticatedAt?.getTime() ?? now) / 1000)
      const replaced = verifyOne(previous, now)
      const session: Session = {
        id: randomId(),
        userId: user.id,
        // none has rotated yet; `strict` counts what was issued
        generation: strict ? 1 : 0,
        tokenId: randomId(),
        createdAt: now,
        rotatedAt: now,
        expiresAt: rowEnd(authTime, now),
        scope,
        details: { ...(request !== undefined && describeSession(request)), ...details }
      }
      // before the store is asked: claims that fail must not leave a session behind
      const granted = await grant(user, session, authTime, refreshToken(session.id, 1, session.tokenId, authTime, now), now)
      await store.create(session)
      if (typeof replaced === 'object') await revoke(replaced.sessionId, request)
      if (maxSessionsPerUser < Infinity) await endOldest(user.id, request)
      emit({ type: 'login', userId: user.id, sessionId: session.id }, request)
      return granted
    },

    /** Rotate: one store call, then the rule. @throws TokenAuthError 401 if the token is no longer good, 503 if that cannot be found out */
    async refresh (candidates: string[], request: FastifyRequest): Promise<Grant> {
      const now = clock()
      const presented = verifyOne(candidates, now)
      if (typeof presented === 'string') return reject(presented, request)
      const { sessionId } = presented
      const { session, verdict, successor } = strict ? await advanceToSuccessor(presented, now) : await advance(presented, now)

      if (session === null) return reject('gone', request, { sessionId })
      const { userId } = session
      if (verdict === 'reused') {
        await store.delete(sessionId)
        emit({ type: 'reuse-detected', userId, sessionId, generationDistance: session.generation - presented.generation, msSinceRotation: now - session.rotatedAt }, request)
        return reject('reused', request, { sessionId, userId })
      }
      const user = await userVerifier.findById(userId, request)
      if (user === null) {
        await store.delete(sessionId)
        return reject('user-gone', request, { sessionId, userId })
      }
      // a verifier that forgets to return anything, or finds somebody else, must not end sessions, nor mix them up
      if (!isUser(user) || user.id !== userId) throw new TokenAuthError('INVALID_USER')

      // only the request that has just moved the row can tell from where it did
      const lostGenerations = session.generation - (session.previousGeneration ?? session.generation) - 1
      if (verdict === 'accepted' && session.rotatedAt === now && lostGenerations > 0) emit({ type: 'store-rollback', userId, sessionId, lostGenerations }, request)
      const granted = await grant(user, session, presented.authTime, successor, now)
      emit({ type: 'refresh', userId, sessionId, generation: session.generation, rotated: successor !== undefined }, request)
      return granted
    },

    /** End the session of a refresh token; a token that is not ours, or whose session has ended, is none. */
    async close (candidates: string[], request: FastifyRequest): Promise<void> {
      const token = verifyOne(candidates, clock())
      if (typeof token === 'string') return
      if (await store.delete(token.sessionId)) emit({ type: 'logout', sessionId: token.sessionId }, request)
    },

    /** All sessions of a user, the one used last first. */
    async list (userId: string): Promise<Session[]> {
      return (await store.findByUser(userId)).sort((a, b) => b.rotatedAt - a.rotatedAt)
    },

    /** End one session, whoever it belongs to; resolves to whether there was one. */
    revoke,

    /** End all sessions of a user, save `except`; resolves to their number. */
    async revokeUser (userId: string, options: { except?: string } = {}, request?: FastifyRequest): Promise<number> {
      const count = await store.deleteByUser(userId, options)
      if (count > 0) emit({ type: 'session-revoked', count, userId }, request)
      return count
    }
  }

  /** When a token issued at `from` ends: idle or absolute timeout, whichever is first. */
  function tokenEnd (authTime: number, from: number): number {
    return Math.min(authTime * 1000 + expiresIn, from + idleTimeout)
  }

  /**
   * When a row written at `from` ends. The retry of a lost answer does not move the row on, and may come as late as
   * one idle timeout after it was written; its successor then has an idle timeout of its own.
   */
  function rowEnd (authTime: number, from: number): number {
    return Math.min(authTime * 1000 + expiresIn, from + 2 * idleTimeout)
  }

  function refreshToken (sessionId: string, generation: number, tokenId: string, authTime: number, now: number, heldUntil = 0): RefreshToken {
    return { sessionId, generation, tokenId, authTime, issuedAt: Math.floor(now / 1000), expiresAt: tokenEnd(authTime, now), heldUntil }
  }

  async function grant (user: TokenAuthUser, session: Session, authTime: number, token: RefreshToken | undefined, now: number): Promise<Grant> {
    const access = await accessTokens.issue(user, session, authTime, tokenEnd(authTime, now), now)
    if (token === undefined) return access
    return { ...access, refresh: { token: refreshTokens.mint(token), maxAge: Math.floor((token.expiresAt - now) / 1000) } }
  }

  /** The one of several refresh tokens that is ours. Two good ones are as suspicious as none: somebody planted one. */
  function verifyOne (candidates: string[], now: number): PresentedToken | 'forged' | 'expired' {
    const parsed = candidates.map((text) => refreshTokens.parse(text, now))
    const good = parsed.filter((token) => typeof token === 'object')
    if (good.length === 1) return good[0] as PresentedToken
    return good.length === 0 && parsed.includes('expired') ? 'expired' : 'forged'
  }

  /** After the new one is there, so that logins side by side cannot leave more than there may be; all agree on which is oldest. */
  async function endOldest (userId: string, request: FastifyRequest | undefined): Promise<void> {
    const all = (await store.findByUser(userId)).sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    await Promise.all(all.slice(maxSessionsPerUser).map(({ id }) => revoke(id, request)))
  }

  async function revoke (id: string, request?: FastifyRequest): Promise<boolean> {
    const existed = await store.delete(id)
    if (existed) emit({ type: 'session-revoked', count: 1, sessionId: id }, request)
    return existed
  }

  /** Ask the store, once, and judge what it says. */
  async function advance (presented: PresentedToken, now: number): Promise<Judged> {
    const { sessionId, generation, tokenId, authTime } = presented
    const session = isHeld(presented, now)
      ? await store.find(sessionId)
      : await store.advance(sessionId, { generation, tokenId, rotatedAt: now, expiresAt: rowEnd(authTime, now) })
    const verdict = judge(presented, session)
    if (session === null || verdict !== 'accepted') return { session, verdict }
    return { session, verdict, successor: refreshToken(sessionId, generation + 1, randomId(), authTime, now, holdOf(now, leeway)) }
  }

  /** The same where a token is spent at once: the store takes the successor itself, and a retry is answered the very same. */
  async function advanceToSuccessor (presented: PresentedToken, now: number): Promise<Judged> {
    const { sessionId, generation, authTime } = presented
    const tokenId = randomId()
    const session = await store.advance(sessionId, { generation: generation + 1, tokenId, rotatedAt: now, expiresAt: rowEnd(authTime, now) })
    const verdict = judgeStrictly(presented, tokenId, session, now, leeway)
    if (session === null || verdict !== 'accepted') return { session, verdict }
    return { session, verdict, successor: refreshToken(sessionId, session.generation, session.tokenId, authTime, session.rotatedAt) }
  }

  function reject (reason: RefreshRejection, request: FastifyRequest, whose: { sessionId?: string, userId?: string } = {}): never {
    emit({ type: 'refresh-rejected', reason, ...whose }, request)
    throw new TokenAuthError('INVALID_REFRESH_TOKEN')
  }
}

function isUser (user: TokenAuthUser | undefined): user is TokenAuthUser {
  return typeof user?.id === 'string' && user.id !== ''
}
