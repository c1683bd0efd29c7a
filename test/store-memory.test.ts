// MemoryStore: the contract of stores, its bound and its sweep.
import { spawnSync } from 'node:child_process'
import { mock } from 'node:test'
import t from 'tap'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { MemoryStore } from '../lib/stores/memory.ts'
import { newSession } from '../lib/testing/store-sessions.ts'

const rotation = { generation: 1, tokenId: 'token', rotatedAt: 1_000, expiresAt: 10_000 }

for (const { name, run } of refreshTokenStoreTests) {
  t.test(name, async () => { await run(() => new MemoryStore()) })
}

t.test('a session has expired from the very moment of expiresAt on', async (t) => {
  let now = 999
  const store = new MemoryStore({ clock: () => now })
  await store.create(newSession({ id: 'a', expiresAt: 1_000 }))
  t.ok(await store.find('a'))
  now = 1_000
  t.equal(await store.find('a'), null)
})

t.test('it keeps the generation that was replaced', async (t) => {
  const store = new MemoryStore({ clock: () => 0 })
  await store.create(newSession({ id: 'a' }))
  t.equal((await store.advance('a', rotation))?.previousGeneration, 0)
})

t.test('when it is full, the session that was not refreshed for longest gives way', async (t) => {
  const store = new MemoryStore({ maxSessions: 3, clock: () => 0 })
  for (const id of ['a', 'b', 'c']) await store.create(newSession({ id, userId: 'user' }))
  await store.advance('a', rotation)
  await store.advance('b', { ...rotation, generation: 0 })
  await store.create(newSession({ id: 'd', userId: 'user' }))
  await store.create(newSession({ id: 'e', userId: 'user' }))
  t.equal(store.size, 3)
  const sessions = await store.findByUser('user')
  t.same(sessions.map(({ id }) => id).sort(), ['a', 'd', 'e'], 'a was refreshed, the request of b moved nothing')
})

t.test('it holds at most 100,000 sessions unless told otherwise', async (t) => {
  const store = new MemoryStore()
  for (let login = 0; login < 100_010; login++) await store.create(newSession({ id: `${login}`, userId: 'user' }))
  t.equal(store.size, 100_000)
  t.equal(await store.find('9'), null)
  t.ok(await store.find('10'))
  store.close()
})

t.test('a bound that is none is refused', async (t) => {
  for (const maxSessions of [0, -1, 1.5, NaN, Infinity]) {
    t.throws(() => new MemoryStore({ maxSessions }), { name: 'RangeError', message: 'maxSessions must be a positive whole number' })
  }
})

t.test('who subscribes the same function twice has two subscriptions, each with an end of its own', async (t) => {
  const store = new MemoryStore()
  const heard: string[] = []
  const onRevoked = (id: string) => { heard.push(id) }
  const [unsubscribe] = [await store.subscribe(onRevoked), await store.subscribe(onRevoked)]
  for (const id of ['a', 'b']) await store.create(newSession({ id }))
  await store.delete('a')
  await unsubscribe()
  await store.delete('b')
  t.same(heard, ['a', 'a', 'b'])
})

t.test('the sweep', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => { mock.timers.reset() })
  let now = 0
  let looks = 0
  const clock = () => { looks++; return now }

  t.test('drops what has expired and leaves the rest', async (t) => {
    const store = new MemoryStore({ clock })
    for (const id of ['a', 'b', 'c', 'd']) await store.create(newSession({ id, expiresAt: id < 'c' ? 1_000 : 2_000 }))
    now = 1_000
    mock.timers.tick(1_000)
    t.equal(store.size, 2)
    now = 2_000
    mock.timers.tick(1_000)
    t.equal(store.size, 0)
  })

  t.test('looks at a thousand sessions a second and comes round to all', async (t) => {
    now = 0
    const store = new MemoryStore({ clock })
    for (let login = 0; login < 2_500; login++) await store.create(newSession({ id: `${login}`, expiresAt: login % 2 === 0 ? 1_000 : 9_000 }))
    now = 1_000
    const sizes = []
    for (let tick = 0; tick < 4; tick++) {
      looks = 0
      mock.timers.tick(1_000)
      t.ok(looks <= 1_000, `${looks} looks`)
      sizes.push(store.size)
    }
    t.same(sizes, [2_000, 1_500, 1_250, 1_250])
    now = 9_000
    mock.timers.tick(1_000)
    mock.timers.tick(1_000)
    t.equal(store.size, 0)
  })

  t.test('keeps its way when the session where it stopped is refreshed or deleted', async (t) => {
    now = 0
    const store = new MemoryStore({ clock })
    for (let login = 0; login < 1_500; login++) await store.create(newSession({ id: `${login}`, expiresAt: login < 1_000 ? 9_000 : 1_000 }))
    mock.timers.tick(1_000)
    await store.advance('1000', rotation)
    await store.delete('1001')
    now = 1_000
    mock.timers.tick(1_000)
    t.equal(store.size, 1_001)
    store.close()
  })

  t.test('starts again after the store was empty or closed', async (t) => {
    now = 0
    const store = new MemoryStore({ clock })
    for (const end of [() => store.delete('a'), () => { store.close() }]) {
      await store.create(newSession({ id: 'a' }))
      await end()
      t.equal(store.size, 0)
      await store.create(newSession({ id: 'b', expiresAt: 1_000 }))
      now = 1_000
      mock.timers.tick(1_000)
      t.equal(store.size, 0)
      now = 0
    }
  })
})

t.test('a store with sessions does not keep the process alive', async (t) => {
  const script = `
    import { MemoryStore } from ${JSON.stringify(new URL('../lib/stores/memory.ts', import.meta.url))}
    import { newSession } from ${JSON.stringify(new URL('../lib/testing/store-sessions.ts', import.meta.url))}
    await new MemoryStore().create(newSession())
    console.log('created')`
  const child = spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '--eval', script], { encoding: 'utf8', timeout: 60_000 })
  t.match({ status: child.status, stdout: child.stdout }, { status: 0, stdout: 'created\n' }, child.stderr)
})
