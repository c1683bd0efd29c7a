// RedisStore on one server: the contract of stores with every client, and what is its own: keys, times to live, the list of a user, scripts.
import { EventEmitter, once } from 'node:events'
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import t, { type Test } from 'tap'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { type IoredisClient, RedisStore } from 'fastify-token-auth/stores/redis'
import { newRotation, newSession, until } from '../lib/testing/store-sessions.ts'
import { redisClients } from './fixtures/redis-clients.ts'
import { redisUrl, uniquePrefix } from './fixtures/redis.ts'

const HOUR = 3_600_000

const url = await redisUrl(t)
const redis = new Redis(url)
t.teardown(() => { redis.disconnect() })

for (const [name, connect] of Object.entries(redisClients)) {
  t.test(name, async (t) => {
    const client = await connect(t, url)
    const keyPrefix = uniquePrefix()
    const store = new RedisStore({ client, keyPrefix })

    for (const { name, run } of refreshTokenStoreTests) {
      t.test(name, async () => { await run(() => store) })
    }

    t.test('goes on after the server was told to forget all scripts', async (t) => {
      const session = newSession()
      const { id, userId } = session
      const methods: (() => Promise<unknown>)[] = [
        () => store.create(session), () => store.advance(id, newRotation(1)), () => store.find(id), () => store.findByUser(userId),
        () => store.delete(id), () => store.deleteByUser(userId)
      ]
      for (const method of methods) {
        await redis.script('FLUSH')
        await t.resolves(method())
      }
    })
  })
}

t.test('a session has expired from the very moment of expiresAt on, whatever the clock of the server', async (t) => {
  let now = 0
  const store = new RedisStore({ client: redis, keyPrefix: uniquePrefix(), clock: () => now })
  const session = newSession({ id: 'a', userId: 'user', expiresAt: HOUR })
  await store.create(session)
  now = HOUR - 1
  t.same(await store.find('a'), session)
  t.same(await store.findByUser('user'), [session])
  now = HOUR
  t.equal(await store.find('a'), null)
  t.equal(await store.advance('a', newRotation(1)), null)
  t.same(await store.findByUser('user'), [])
  t.equal(await store.deleteByUser('user'), 0)
})

t.test('it keeps the generation that was replaced', async (t) => {
  const store = new RedisStore({ client: redis, keyPrefix: uniquePrefix() })
  await store.create(newSession({ id: 'a' }))
  t.equal((await store.advance('a', newRotation(1)))?.previousGeneration, 0)
})

t.test('keys', async (t) => {
  t.test('begin with the prefix, literally, and each prefix is its own', async (t) => {
    const prefixes = [uniquePrefix(), `{${uniquePrefix()}`, `{a}${uniquePrefix()}`, `${uniquePrefix()}*`, `${uniquePrefix()}[a-z]?`, `${uniquePrefix()}%s\\`, '']
    const ids = prefixes.map(() => newSession().id)
    const stores = prefixes.map((keyPrefix) => new RedisStore({ client: redis, keyPrefix }))
    for (const [index, store] of stores.entries()) await store.create(newSession({ id: ids[index]!, userId: ids[0]! }))
    for (const [index, store] of stores.entries()) {
      t.same((await store.findByUser(ids[0]!)).map(({ id }) => id), [ids[index]])
      t.same(await redis.exists(`${prefixes[index]}session:${ids[index]}`, `${prefixes[index]}user:${ids[0]}`), 2)
      t.equal(await store.deleteByUser(ids[0]!), 1)
      t.equal(await redis.strlen(`${prefixes[index]}session:${ids[index]}`), 0, 'nothing is left of the session')
      t.equal(await redis.exists(`${prefixes[index]}user:${ids[0]}`), 0, 'nor of the list')
    }
  })

  t.test('begin with token-auth: unless told otherwise', async (t) => {
    const store = new RedisStore({ client: redis })
    const { id, userId } = newSession()
    await store.create(newSession({ id, userId }))
    t.equal(await redis.exists(`token-auth:session:${id}`, `token-auth:user:${userId}`), 2)
    await store.delete(id)
    t.equal(await redis.strlen(`token-auth:session:${id}`), 0)
    t.equal(await redis.exists(`token-auth:user:${userId}`), 0)
  })

  t.test('keep the prefix that the client adds by itself', async (t) => {
    const keyPrefix = uniquePrefix()
    for (const [name, client] of Object.entries({ ioredis: new Redis(url, { keyPrefix }), iovalkey: new Valkey(url, { keyPrefix }) })) {
      t.teardown(() => { client.disconnect() })
      const store = new RedisStore({ client, keyPrefix: 'a:' })
      const session = newSession()
      await store.create(session)
      t.same(await store.findByUser(session.userId), [session], name)
      t.equal(await redis.exists(`${keyPrefix}a:session:${session.id}`, `${keyPrefix}a:user:${session.userId}`), 2, name)

      const heard: string[] = []
      const unsubscribe = await store.subscribe((id) => { heard.push(id) })
      // a client that waited at another key would not hear before the wait is over
      await store.delete(session.id)
      await until(() => heard.includes(session.id), `${name} did not hear at once`)
      await unsubscribe()
      t.equal(await redis.exists(`${keyPrefix}a:revoked`), 1, name)
    }
  })

  t.test('all have a time to live, and it moves', async (t) => {
    const keyPrefix = uniquePrefix()
    const store = new RedisStore({ client: redis, keyPrefix, clock: () => 0 })
    const left = async () => {
      const [session, user] = await Promise.all([redis.pttl(`${keyPrefix}session:a`), redis.pttl(`${keyPrefix}user:user`)])
      // what is lost to the time that the test takes, is less than a minute
      return [Math.ceil(session / 60_000), Math.ceil(user / 60_000)]
    }
    await store.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR }))
    t.same(await left(), [60, 120], 'the list outlives the session')
    await store.advance('a', { generation: 1, tokenId: 'b', rotatedAt: 0, expiresAt: HOUR / 2 })
    t.same(await left(), [30, 120])
    await store.create(newSession({ userId: 'user', expiresAt: HOUR / 4 }))
    t.same(await left(), [30, 120], 'a shorter session does not shorten the list')
    await store.create(newSession({ userId: 'user', expiresAt: 2 * HOUR }))
    t.same(await left(), [30, 240])
    await store.advance('a', { generation: 2, tokenId: 'c', rotatedAt: 0, expiresAt: 0 })
    t.same(await left(), [0, 240], 'a session that has expired is gone')
  })

  t.test('are not made for a session that has expired', async (t) => {
    const keyPrefix = uniquePrefix()
    const store = new RedisStore({ client: redis, keyPrefix, clock: () => HOUR })
    await store.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR }))
    t.equal(await redis.exists(`${keyPrefix}session:a`, `${keyPrefix}user:user`), 0)
  })
})

t.test('the list of a user', async (t) => {
  let now = 0
  t.beforeEach(() => { now = 0 })
  const clock = () => now
  const later = (generation: number) => ({ generation, tokenId: `token ${generation}`, rotatedAt: now, expiresAt: now + HOUR })

  t.test('has a session for as long as it lives, however long that is', async (t) => {
    const keyPrefix = uniquePrefix()
    const store = new RedisStore({ client: redis, keyPrefix, clock })
    await store.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR }))
    for (let generation = 1; generation <= 20; generation++) {
      now += 0.7 * HOUR
      const session = await store.advance('a', later(generation))
      t.equal(session?.expiresAt, now + HOUR)
      const [listedUntil, life] = [Number(await redis.zscore(`${keyPrefix}user:user`, 'a')), await redis.pttl(`${keyPrefix}session:a`)]
      t.ok(now + life <= listedUntil, 'the session does not outlive its entry')
      t.ok(life > HOUR - 60_000, 'nor does it live shorter than it should')
      t.ok(await redis.pttl(`${keyPrefix}user:user`) > listedUntil - now - 60_000, 'the list does not go before its entries')
    }
    t.equal((await store.findByUser('user')).length, 1)
    t.equal(await store.deleteByUser('user'), 1)
    t.equal(await store.find('a'), null)
  })

  t.test('forgets sessions that have expired', async (t) => {
    const keyPrefix = uniquePrefix()
    const store = new RedisStore({ client: redis, keyPrefix, clock })
    for (const id of ['a', 'b', 'c']) await store.create(newSession({ id, userId: 'user', expiresAt: HOUR }))
    now = 2 * HOUR
    await store.create(newSession({ id: 'd', userId: 'user', expiresAt: 3 * HOUR }))
    t.same(await redis.zrange(`${keyPrefix}user:user`, '0', '-1'), ['d'])
    now = 4 * HOUR
    t.same(await store.findByUser('user'), [])
    t.equal(await redis.exists(`${keyPrefix}user:user`), 0)
  })

  t.test('keeps the entry of a session that is just about to be written', async (t) => {
    const gate = gated(redis, 1)
    const keyPrefix = uniquePrefix()
    const slow = new RedisStore({ client: gate.client, keyPrefix, clock })
    const store = new RedisStore({ client: redis, keyPrefix, clock })
    const creation = slow.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR }))
    await gate.reached
    t.same(await store.findByUser('user'), [])
    t.equal(await store.deleteByUser('user'), 0)
    t.equal(await store.delete('a'), false)
    gate.open()
    await creation
    t.equal((await store.findByUser('user')).length, 1)
    t.equal(await store.deleteByUser('user'), 1)
  })
})

t.test('cut off half-way', async (t) => {
  let now = 0
  t.beforeEach(() => { now = 0 })
  function cutOff (after: number): { store: RedisStore, whole: RedisStore, keyPrefix: string } {
    const keyPrefix = uniquePrefix()
    return {
      keyPrefix,
      store: new RedisStore({ client: failingAfter(redis, after), keyPrefix, clock: () => now }),
      whole: new RedisStore({ client: redis, keyPrefix, clock: () => now })
    }
  }

  t.test('a login has left no session that its user could not find', async (t) => {
    const { store, whole, keyPrefix } = cutOff(1)
    await t.rejects(store.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR })), { message: 'cut off' })
    t.equal(await whole.find('a'), null)
    t.same(await whole.findByUser('user'), [])
    t.equal(await whole.deleteByUser('user'), 0)
    t.equal(await redis.exists(`${keyPrefix}session:a`), 0)
  })

  t.test('a refresh that makes a session outlive its entry has not done so, and the next one does', async (t) => {
    const keys = cutOff(1)
    const { whole, keyPrefix } = keys
    await whole.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR }))
    now = HOUR - 1
    await whole.advance('a', { generation: 1, tokenId: 'b', rotatedAt: now, expiresAt: now + HOUR })
    now = HOUR + HOUR / 2
    const rotation = { generation: 2, tokenId: 'c', rotatedAt: now, expiresAt: now + HOUR }
    await t.rejects(keys.store.advance('a', rotation), { message: 'cut off' })
    const listedUntil = Number(await redis.zscore(`${keyPrefix}user:user`, 'a'))
    t.ok(now + await redis.pttl(`${keyPrefix}session:a`) <= listedUntil)

    t.match(await whole.advance('a', rotation), rotation, 'the same token again')
    t.ok(await redis.pttl(`${keyPrefix}session:a`) > HOUR - 60_000)
    t.ok(Number(await redis.zscore(`${keyPrefix}user:user`, 'a')) > listedUntil)
  })

  t.test('a logout has ended the session', async (t) => {
    const { store, whole } = cutOff(1)
    await whole.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR }))
    await t.rejects(store.delete('a'), { message: 'cut off' })
    t.equal(await whole.delete('a'), false)
    t.same(await whole.findByUser('user'), [])
  })

  t.test('a session that is deleted while its entry is renewed does not come back', async (t) => {
    const { whole, keyPrefix } = cutOff(0)
    await whole.create(newSession({ id: 'a', userId: 'user', expiresAt: HOUR }))
    now = HOUR - 1
    await whole.advance('a', { generation: 1, tokenId: 'b', rotatedAt: now, expiresAt: 2 * HOUR })
    const gate = gated(redis, 2)
    const slow = new RedisStore({ client: gate.client, keyPrefix, clock: () => now })
    const advance = slow.advance('a', { generation: 2, tokenId: 'c', rotatedAt: now, expiresAt: 9 * HOUR })
    await gate.reached
    t.equal(await whole.delete('a'), true)
    gate.open()
    await advance
    t.equal(await whole.find('a'), null)
    t.equal(await redis.strlen(`${keyPrefix}session:a`), 0)
  })

  t.test('a login that the client sends again, after the session was deleted, does not bring it back', async (t) => {
    const { whole, keyPrefix } = cutOff(0)
    const sent: Parameters<IoredisClient['evalsha']>[] = []
    const client: IoredisClient = {
      async evalsha (...args) {
        sent.push(args)
        return await redis.evalsha(...args)
      },
      eval: (...args) => redis.eval(...args)
    }
    const session = newSession({ id: 'a', userId: 'user', expiresAt: HOUR })
    await new RedisStore({ client, keyPrefix, clock: () => now }).create(session)
    const sendAgain = async () => { for (const args of sent) await redis.evalsha(...args) }
    await sendAgain()
    t.same(await whole.findByUser('user'), [session], 'it is there once')
    t.equal(await whole.delete('a'), true)
    await sendAgain()
    t.equal(await whole.find('a'), null)
    t.equal(await whole.advance('a', newRotation(1)), null)
    t.equal(await whole.delete('a'), false)
    t.equal(await whole.deleteByUser('user'), 0)
    const life = await redis.pttl(`${keyPrefix}session:a`)
    t.ok(life > 0 && life <= 60_000, 'what keeps it away is gone after a minute')
  })
})

t.test('no script looks through keys', async (t) => {
  const calls = async () => (await redis.info('commandstats')).split('\r\n').filter((line) => /^cmdstat_(keys|scan|hscan|sscan|zscan):/.test(line))
  const before = await calls()
  const store = new RedisStore({ client: redis, keyPrefix: uniquePrefix() })
  const { id, userId } = newSession()
  await store.create(newSession({ id, userId }))
  await store.advance(id, newRotation(1))
  await store.find(id)
  await store.findByUser(userId)
  await store.delete(id)
  await store.deleteByUser(userId)
  t.same(await calls(), before)
})

t.test('subscribe()', async (t) => {
  t.test('reports what other processes delete, and what they have deleted within the last hour', async (t) => {
    const keyPrefix = uniquePrefix()
    const store = new RedisStore({ client: redis, keyPrefix })
    for (const id of ['a', 'b', 'c']) await store.create(newSession({ id, userId: 'user' }))
    await redis.xadd(`${keyPrefix}revoked`, '1-0', 'id', 'long ago')
    await store.delete('a')
    t.ok(await redis.pttl(`${keyPrefix}revoked`) > 0)
    const heard: string[] = []
    const client = new Redis(url)
    t.teardown(() => { client.disconnect() })
    const unsubscribe = await new RedisStore({ client, keyPrefix }).subscribe((id) => { heard.push(id) })
    t.teardown(unsubscribe)
    t.same(heard, ['a'])
    t.equal(await store.deleteByUser('user'), 2)
    await until(() => heard.length === 3, 'it was not heard')
    t.same(heard.toSorted(), ['a', 'b', 'c'])
  })

  t.test('reports however many, in their order', async (t) => {
    const keyPrefix = uniquePrefix()
    const pipeline = redis.pipeline()
    const ids = Array.from({ length: 2_500 }, (_, index) => `${index}`)
    for (const id of ids) pipeline.xadd(`${keyPrefix}revoked`, '*', 'id', id)
    await pipeline.exec()
    const heard: string[] = []
    const unsubscribe = await new RedisStore({ client: redis, keyPrefix }).subscribe((id) => { heard.push(id) })
    await unsubscribe()
    t.same(heard, ids)
  })

  t.test('connects anew when the connection is lost, and reports what it has missed', async (t) => {
    for (const name of ['ioredis', 'node-redis']) {
      const keyPrefix = uniquePrefix()
      const store = new RedisStore({ client: redis, keyPrefix })
      for (const id of ['a', 'b']) await store.create(newSession({ id }))
      const before = await connections()
      const heard: string[] = []
      const unsubscribe = await new RedisStore({ client: await redisClients[name]!(t, url), keyPrefix }).subscribe((id) => { heard.push(id) })
      for (const id of (await connections()).filter((id) => !before.includes(id))) await redis.client('KILL', 'ID', id)
      await store.delete('a')
      await until(() => heard.includes('a'), `${name} did not hear`)
      await store.delete('b')
      await until(() => heard.includes('b'), `${name} did not hear`)
      await unsubscribe()
      t.same(heard, ['a', 'b'])
    }
  })

  t.test('tries again when it cannot read, until the subscription ends', async (t) => {
    const keyPrefix = uniquePrefix()
    const store = new RedisStore({ client: redis, keyPrefix })
    await store.create(newSession({ id: 'a' }))
    let scripts = 0
    const client = beforeEachScript(redis, async () => { if (++scripts === 2) throw new Error('not now') })
    const heard: string[] = []
    const unsubscribe = await new RedisStore({ client, keyPrefix }).subscribe((id) => { heard.push(id) })
    await store.delete('a')
    await until(() => heard.includes('a'), 'it was not heard')
    await unsubscribe()
    t.ok(scripts > 2)

    const failing = failingAfter(redis, 1)
    const unsubscribeFailing = await new RedisStore({ client: failing, keyPrefix: uniquePrefix() }).subscribe(() => {})
    await t.resolves(unsubscribeFailing())
  })

  /** Ids of the server's connections. */
  async function connections (): Promise<string[]> {
    return [...String(await redis.client('LIST')).matchAll(/^id=(\d+)/gm)].map(([, id]) => id as string)
  }
})

t.test('every method rejects when the server is out of reach, none throws', async (t) => {
  for (const [name, connect] of Object.entries({
    ioredis: async (t: Test) => { const client = new Redis(url); client.disconnect(); return client },
    'node-redis': async (t: Test) => { const client = await redisClients['node-redis']!(t, url); (client as unknown as { destroy (): void }).destroy(); return client }
  })) {
    const store = new RedisStore({ client: await connect(t), keyPrefix: uniquePrefix() })
    const calls: (() => Promise<unknown>)[] = [
      () => store.create(newSession()), () => store.advance('a', newRotation(1)), () => store.find('a'), () => store.delete('a'),
      () => store.findByUser('a'), () => store.deleteByUser('a'), () => store.subscribe(() => {})
    ]
    for (const call of calls) await t.rejects(call(), { message: /closed/ }, name)
  }
})

t.test('what is no client is refused at once', async (t) => {
  for (const client of [undefined, null, {}, { get () {} }]) {
    t.throws(() => new RedisStore({ client: client as unknown as IoredisClient }), {
      name: 'TypeError',
      message: 'RedisStore: client has to be a client, pool or cluster of ioredis, iovalkey or node-redis'
    })
  }
})

/** A client that is cut off after so many scripts. */
function failingAfter (client: Redis, count: number): IoredisClient {
  return beforeEachScript(client, async (script) => {
    if (script > count) throw new Error('cut off')
  })
}

/** A client that holds its scripts back after so many, until the gate is opened. */
function gated (client: Redis, count: number): { client: IoredisClient, reached: Promise<unknown>, open (): void } {
  const gate = new EventEmitter()
  const opened = once(gate, 'open')
  return {
    client: beforeEachScript(client, async (script) => {
      if (script <= count) return
      gate.emit('reached')
      await opened
    }),
    reached: once(gate, 'reached'),
    open () { gate.emit('open') }
  }
}

/** @param hook is told whether this is the first script, the second and so on */
function beforeEachScript (client: Redis, hook: (script: number) => Promise<void>): IoredisClient {
  let scripts = 0
  return {
    async evalsha (...args) {
      await hook(++scripts)
      return await client.evalsha(...args)
    },
    eval: (...args) => client.eval(...args)
  }
}
