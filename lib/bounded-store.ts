// The host's store with a deadline on every call, and one error for all that can go wrong with it: infrastructure is never a 401. It also tells what was deleted.
import { TokenAuthError } from './errors.ts'
import type { RefreshTokenStore } from './stores/store.ts'

/** The six methods of the contract; `subscribe` is not a call that a request waits for. */
export type BoundedStore = Omit<RefreshTokenStore, 'subscribe'>

/**
 * @param timeout milliseconds after which a call counts as failed
 * @param onDeleted told of each session that was deleted through it, before the call resolves
 * @returns a store whose methods reject with `FST_TOKEN_AUTH_STORE_UNAVAILABLE`, the reason as its `cause`
 */
export function boundedStore (store: RefreshTokenStore, timeout: number, onDeleted: (sessionId: string) => void): BoundedStore {
  function bounded<T> (call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let isSettled = false
      let timer: NodeJS.Timeout | undefined
      function settle (): void {
        isSettled = true
        clearTimeout(timer)
      }
      function succeed (value: T): void {
        settle()
        resolve(value)
      }
      function fail (cause: unknown): void {
        settle()
        reject(new TokenAuthError('STORE_UNAVAILABLE', { cause }))
      }
      // a store of the host's own may throw, or return, where it should promise
      try { Promise.resolve(call()).then(succeed, fail) } catch (err) { fail(err) }
      // by then a store in memory or in a file has answered: a timer would take 5 % of a refresh
      queueMicrotask(() => {
        if (!isSettled) timer = setTimeout(() => { fail(new Error(`The store did not answer within ${timeout} ms`)) }, timeout)
      })
    })
  }

  return {
    create: (session) => bounded(() => store.create(session)),
    advance: (id, rotation) => bounded(() => store.advance(id, rotation)),
    find: (id) => bounded(() => store.find(id)),
    async delete (id) {
      const existed = await bounded(() => store.delete(id))
      // also where there was none: it may be the second try of a deletion whose answer was lost
      onDeleted(id)
      return existed
    },
    findByUser: (userId) => bounded(() => store.findByUser(userId)),
    async deleteByUser (userId, options) {
      // without `subscribe` nobody will tell which they were
      const ids = store.subscribe === undefined ? (await bounded(() => store.findByUser(userId))).map(({ id }) => id) : []
      const count = await bounded(() => store.deleteByUser(userId, options))
      for (const id of ids) if (id !== options?.except) onDeleted(id)
      return count
    }
  }
}
