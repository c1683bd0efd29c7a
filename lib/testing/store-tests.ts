// The tests that every implementation of RefreshTokenStore must pass, for any test runner.
import { behaviourTests } from './store-behaviour.ts'
import { valueTests } from './store-values.ts'
import { raceTests } from './store-races.ts'
import type { RefreshTokenStore } from '../stores/store.ts'

/** One rule of the contract, as a test for any runner. */
export interface RefreshTokenStoreTest {
  /** The rule, as a sentence. */
  name: string
  /**
   * Try a store. Each test makes sessions of its own, so all may share one database; what they leave there expires
   * within the hour. The store's clock has to be the real one.
   *
   * @param createStore makes the store to try
   * @throws AssertionError (of `node:assert`) where the store breaks the rule; what the store itself throws
   */
  run (createStore: () => RefreshTokenStore | Promise<RefreshTokenStore>): Promise<void>
}

/**
 * The contract of `RefreshTokenStore`, as tests.
 *
 * @example
 * import { test } from 'node:test'
 * import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
 *
 * for (const { name, run } of refreshTokenStoreTests) {
 *   test(name, () => run(() => new MyStore()))
 * }
 */
export const refreshTokenStoreTests: readonly RefreshTokenStoreTest[] = Object.entries({
  ...behaviourTests,
  ...valueTests,
  ...raceTests
}).map(([name, check]) => ({
  name,
  async run (createStore) { await check(await createStore()) }
}))
