// A clock for tests that do not wait: time passes when the test says so.
import { toMilliseconds, type Duration } from '../duration.ts'

/** Give `clock.now` to the option `clock` of the plugin and of its store. */
export interface TestClock {
  /** Milliseconds since the epoch. */
  now: () => number
  /** Let time pass: `clock.advance('15m')`, or a number of seconds. @throws RangeError for what is no duration */
  advance (duration: Duration): void
}

/**
 * A clock that stands still until it is told to move.
 *
 * @param start when time begins, in milliseconds since the epoch; by default a whole second, the present one
 */
export function createTestClock (start = Math.floor(Date.now() / 1000) * 1000): TestClock {
  let time = start
  return {
    now: () => time,
    advance (duration) {
      const milliseconds = toMilliseconds(duration)
      if (milliseconds === undefined) throw new RangeError(`${JSON.stringify(duration)} is no duration: use a string such as '15m', or a number of seconds`)
      time += milliseconds
    }
  }
}
