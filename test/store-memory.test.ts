// MemoryStore: the contract, the bound, the sweep.
import t from 'tap'
import { MemoryStore } from '../lib/stores/memory.ts'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'

for (const { name, run } of refreshTokenStoreTests) {
  t.test(name, async () => { await run(() => new MemoryStore()) })
}
