import t from 'tap'
import { SqliteStore } from 'fastify-token-auth/stores/sqlite'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { sqliteDrivers, sqliteFile } from './fixtures/sqlite.ts'

for (const [driver, open] of Object.entries(sqliteDrivers)) {
  t.test(driver, async (t) => {
    const database = open(sqliteFile(t))
    t.teardown(() => { database.close() })
    for (const { name, run } of refreshTokenStoreTests) {
      t.test(name, async () => { await run(() => new SqliteStore({ database })) })
    }
  })
}
