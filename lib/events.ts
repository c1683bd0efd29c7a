// What happens to sessions, told to the log, to diagnostics_channel and to the host's `onEvent`. No event holds a token, a password or a cookie.
import { channel } from 'node:diagnostics_channel'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'

/** Why a refresh token was turned away. */
export type RefreshRejection = 'forged' | 'expired' | 'gone' | 'reused' | 'user-gone'

/** Something that happened to a session; `type` tells which. */
export type TokenAuthEvent =
  | { type: 'login', userId: string, sessionId: string }
  | { type: 'login-failed' }
  /** `rotated` is false where the refresh token was too new to be replaced. */
  | { type: 'refresh', userId: string, sessionId: string, generation: number, rotated: boolean }
  | { type: 'refresh-rejected', reason: RefreshRejection, sessionId?: string, userId?: string }
  /** An old refresh token came back after its successor was used: two parties hold this session, so it was ended. */
  | { type: 'reuse-detected', userId: string, sessionId: string, generationDistance: number, msSinceRotation: number }
  /** A client was ahead of the store by more than a lost race explains: acknowledged writes were lost, in a fail-over or a restored backup. */
  | { type: 'store-rollback', userId: string, sessionId: string, lostGenerations: number }
  | { type: 'logout', sessionId: string }
  /** One session of id `sessionId`, or `count` sessions of a user. */
  | { type: 'session-revoked', count: number, sessionId?: string, userId?: string }

/** The host's `onEvent`. The request is the one that led to the event; a call of `app.tokenAuth.revokeSession` or `revokeUser` has none. */
export type EventHandler = (event: TokenAuthEvent, request: FastifyRequest | undefined) => void | Promise<void>

/** Tells of an event; never throws. */
export type Emit = (event: TokenAuthEvent, request?: FastifyRequest) => void

/** The level at which each type of event is logged. */
const LEVELS: Record<TokenAuthEvent['type'], 'debug' | 'info' | 'warn'> = {
  login: 'info',
  'login-failed': 'info',
  refresh: 'debug',
  'refresh-rejected': 'info',
  'reuse-detected': 'warn',
  'store-rollback': 'warn',
  logout: 'info',
  'session-revoked': 'info'
}

const events = channel('fastify-token-auth')

/** @param onEvent the host's handler; what it throws or rejects with is logged and changes no answer */
export function createEmit (appLog: FastifyBaseLogger, onEvent: EventHandler | undefined): Emit {
  return function emit (event, request) {
    const log = request?.log ?? appLog
    log[LEVELS[event.type]]({ event }, `fastify-token-auth: ${event.type}`)
    if (events.hasSubscribers) events.publish({ event, request })
    if (onEvent === undefined) return
    new Promise((resolve) => { resolve(onEvent(event, request)) })
      .catch((err: unknown) => { log.error({ err }, 'fastify-token-auth: onEvent failed') })
  }
}
