// Durations as the host writes them: '15m', or a number of seconds.
import { parse } from '@lukeed/ms'

/** A duration: a string such as `'60s'`, `'15m'`, `'30d'`, or a number of **seconds** (as in @fastify/jwt). */
export type Duration = string | number

/** Milliseconds, or `undefined` if it is not a duration above zero. A bare numeric string is none: it leaves the unit open. */
export function toMilliseconds (duration: Duration): number | undefined {
  if (typeof duration === 'string' && !/[a-z]$/i.test(duration)) return undefined
  const milliseconds = Math.round(typeof duration === 'number' ? duration * 1000 : parse(duration) ?? NaN)
  return milliseconds > 0 && milliseconds <= Number.MAX_SAFE_INTEGER ? milliseconds : undefined
}
