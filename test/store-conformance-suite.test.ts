// The conformance suite catches a store that breaks any one rule of the contract.
import t from 'tap'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import type { RefreshTokenStore, Rotation, Session } from '../lib/stores/store.ts'
import { SimpleStore } from './fixtures/simple-store.ts'

/** The names of those tests that a store fails. */
async function failures (createStore: () => RefreshTokenStore, names = /^/): Promise<string[]> {
  const failed = []
  for (const { name, run } of refreshTokenStoreTests) {
    if (!names.test(name)) continue
    try {
      await run(createStore)
    } catch (error) {
      if ((error as Error).name !== 'AssertionError') throw error
      failed.push(name)
    }
  }
  return failed
}

/** Change what a store gives out. */
function seen (change: (session: Session) => unknown) {
  return class extends SimpleStore {
    override async find (id: string) { return mapped(await super.find(id)) }
    override async advance (id: string, rotation: Rotation) { return mapped(await super.advance(id, rotation)) }
    override async findByUser (userId: string) { return (await super.findByUser(userId)).map((session) => mapped(session) as Session) }
  }
  function mapped (session: Session | null): Session | null {
    return session && Object.assign(session, change(session))
  }
}

/** A rule that is broken, how, and words of the name of a test that must notice. */
const broken: [rule: string, noticedBy: RegExp, store: new () => RefreshTokenStore][] = [
  ['create() keeps nothing', /^create\(\) keeps a session/, class extends SimpleStore {
    override async create () {}
  }],
  ['create() keeps the object of the caller', /copy what they are given/, class extends SimpleStore {
    override async create (session: Session) { this.rows.set(session.id, session) }
  }],
  ['create() keeps the lists of the caller', /copy what they are given/, class extends SimpleStore {
    override async create (session: Session) { this.rows.set(session.id, { ...session }) }
  }],
  ['create() changes what it is given', /copy what they are given/, class extends SimpleStore {
    override async create (session: Session) { await super.create(session); session.scope.length = 0 }
  }],
  ['create() replaces the other session of the user', /^findByUser\(\) resolves to all/, class extends SimpleStore {
    override async create (session: Session) { await super.deleteByUser(session.userId); await super.create(session) }
  }],
  ['advance() reads, waits and writes', /^500 racing tokens/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const session = await this.find(id)
      if (session === null || session.generation >= rotation.generation) return session
      await this.reach()
      if (this.alive(id)) this.rows.set(id, { ...session, ...rotation })
      return await this.find(id)
    }
  }],
  ['advance() compares only what it read before', /^racing generations/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const stale = await this.find(id)
      if (stale !== null && stale.generation >= rotation.generation) return stale
      await this.reach()
      const row = this.alive(id)
      return structuredClone(row && Object.assign(row, rotation))
    }
  }],
  ['advance() answers what it read before the race was decided', /^500 racing tokens/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const before = await this.find(id)
      const after = await super.advance(id, rotation)
      return after?.tokenId === rotation.tokenId ? after : before
    }
  }],
  ['advance() answers null to the losers of a race', /^500 racing tokens/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const session = await super.advance(id, rotation)
      return session?.tokenId === rotation.tokenId ? session : null
    }
  }],
  ['advance() takes an equal generation', /same or a lower generation/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      await this.reach()
      const row = this.alive(id)
      if (row !== null && row.generation <= rotation.generation) Object.assign(row, rotation)
      return structuredClone(row)
    }
  }],
  ['advance() takes a lower generation', /same or a lower generation/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      await this.reach()
      const row = this.alive(id)
      return structuredClone(row && Object.assign(row, rotation))
    }
  }],
  ['advance() moves one generation at a time', /all fields of a rotation/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const generation = this.alive(id)?.generation ?? 0
      return await super.advance(id, { ...rotation, generation: Math.min(rotation.generation, generation + 1) })
    }
  }],
  ['advance() moves the time of expiry also when it loses', /same or a lower generation/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      await super.advance(id, rotation)
      const row = this.alive(id)
      return structuredClone(row && Object.assign(row, { expiresAt: rotation.expiresAt }))
    }
  }],
  ['advance() forgets the time of expiry', /moves the time of expiry/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      return await super.advance(id, { ...rotation, expiresAt: this.alive(id)?.expiresAt ?? 0 })
    }
  }],
  ['advance() forgets when it was', /all fields of a rotation/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      return await super.advance(id, { ...rotation, rotatedAt: this.alive(id)?.rotatedAt ?? 0 })
    }
  }],
  ['advance() changes what it is given', /copy what they are given/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const session = await super.advance(id, rotation)
      rotation.generation = 0
      return session
    }
  }],
  ['advance() moves all sessions of the user', /moves one session only/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const session = await super.advance(id, rotation)
      for (const row of this.ofUser(session?.userId ?? '')) Object.assign(row, rotation)
      return session
    }
  }],
  ['advance() writes back all sessions of the user', /^racing sessions/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const others = structuredClone(this.ofUser(this.alive(id)?.userId ?? '')).filter((row) => row.id !== id)
      const session = await super.advance(id, rotation)
      for (const row of others) if (this.alive(row.id)) this.rows.set(row.id, row)
      return session
    }
  }],
  ['advance() creates', /never created/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      if (!this.rows.has(id)) this.rows.set(id, { userId: 'user', createdAt: 0, scope: [], details: {}, id, ...rotation })
      return await super.advance(id, rotation)
    }
  }],
  ['advance() writes back a session that was deleted meanwhile', /^delete\(\) racing advance/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const row = this.alive(id)
      const session = await super.advance(id, rotation)
      if (row !== null) this.rows.set(id, row)
      return session
    }
  }],
  ['advance() revives what has expired', /has expired is as good as none/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      await this.reach()
      const row = this.rows.get(id)
      return row === undefined ? null : structuredClone(Object.assign(row, rotation))
    }
  }],
  ['advance() gives out its own object', /give out copies/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) { await super.advance(id, rotation); return this.alive(id) }
  }],
  ['advance() keeps a wrong previousGeneration', /^previousGeneration/, class extends SimpleStore {
    override async advance (id: string, rotation: Rotation) {
      const session = await super.advance(id, rotation)
      return session && { ...session, previousGeneration: session.generation - 1 }
    }
  }],
  ['find() sees what has expired', /has expired is as good as none/, class extends SimpleStore {
    override async find (id: string) { return structuredClone(this.rows.get(id) ?? null) }
  }],
  ['find() gives out its own object', /give out copies/, class extends SimpleStore {
    override async find (id: string) { return this.alive(id) }
  }],
  ['find() gives out its own lists', /give out copies/, class extends SimpleStore {
    override async find (id: string) { const row = this.alive(id); return row && { ...row } }
  }],
  ['find() trims ids', /session ids may be any text/, class extends SimpleStore {
    override async find (id: string) { return await super.find(id.trim()) }
  }],
  ['delete() deletes nothing', /^delete\(\) ends one session/, class extends SimpleStore {
    override async delete (id: string) { return this.alive(id) !== null }
  }],
  ['delete() is always true', /^delete\(\) ends one session/, class extends SimpleStore {
    override async delete (id: string) { await super.delete(id); return true }
  }],
  ['delete() counts what has expired', /has expired is as good as none/, class extends SimpleStore {
    override async delete (id: string) { return this.rows.delete(id) }
  }],
  ['delete() ends all sessions of the user', /^delete\(\) ends one session/, class extends SimpleStore {
    override async delete (id: string) { return await this.deleteByUser(this.alive(id)?.userId ?? '') > 0 }
  }],
  ['delete() asks first, so that two are true', /^delete\(\) racing advance/, class extends SimpleStore {
    override async delete (id: string) { const there = await this.find(id); await this.reach(); this.rows.delete(id); return there !== null }
  }],
  ['findByUser() finds all users', /resolves to all sessions of that user/, class extends SimpleStore {
    override async findByUser () { return structuredClone([...this.rows.values()]) }
  }],
  ['findByUser() finds one session', /resolves to all sessions of that user/, class extends SimpleStore {
    override async findByUser (userId: string) { return (await super.findByUser(userId)).slice(0, 1) }
  }],
  ['findByUser() finds the session as it was created', /all fields of a rotation/, class extends SimpleStore {
    created = new Map<string, Session>()
    override async create (session: Session) { this.created.set(session.id, structuredClone(session)); await super.create(session) }
    override async findByUser (userId: string) { return (await super.findByUser(userId)).map(({ id }) => this.created.get(id) as Session) }
  }],
  ['findByUser() finds what has expired', /has expired is as good as none/, class extends SimpleStore {
    override async findByUser (userId: string) { return structuredClone([...this.rows.values()].filter((row) => row.userId === userId)) }
  }],
  ['findByUser() gives out its own objects', /give out copies/, class extends SimpleStore {
    override async findByUser (userId: string) { return this.ofUser(userId) }
  }],
  ['findByUser() matches a pattern', /user ids may be any text/, class extends SimpleStore {
    override ofUser (userId: string) {
      const pattern = new RegExp(`^${userId.replace(/[\\^$+?.()|[\]{}]/g, '\\$&').replaceAll('*', '.*')}$`, 's')
      return [...this.rows.values()].filter((row) => pattern.test(row.userId) && this.alive(row.id))
    }
  }],
  ['users that differ in upper and lower case are one', /user ids may be any text/, class extends SimpleStore {
    override ofUser (userId: string) { return [...this.rows.values()].filter((row) => row.userId.toLowerCase() === userId.toLowerCase() && this.alive(row.id)) }
  }],
  ['users that differ in how an accent is written are one', /user ids may be any text/, class extends SimpleStore {
    override ofUser (userId: string) { return [...this.rows.values()].filter((row) => row.userId.normalize() === userId.normalize() && this.alive(row.id)) }
  }],
  ['deleteByUser() deletes nothing', /^deleteByUser\(\) ends all/, class extends SimpleStore {
    override async deleteByUser (userId: string) { return this.ofUser(userId).length }
  }],
  ['deleteByUser() forgets the exception', /spares the session/, class extends SimpleStore {
    override async deleteByUser (userId: string) { return await super.deleteByUser(userId) }
  }],
  ['deleteByUser() spares all once there is an exception', /spares the session/, class extends SimpleStore {
    override async deleteByUser (userId: string, options: { except?: string } = {}) { return options.except ? 0 : await super.deleteByUser(userId) }
  }],
  ['deleteByUser() deletes the sessions of others', /^deleteByUser\(\) ends all/, class extends SimpleStore {
    override async deleteByUser (userId: string, options?: { except?: string }) {
      const deleted = await super.deleteByUser(userId, options)
      this.rows.clear()
      return deleted
    }
  }],
  ['deleteByUser() counts what has expired', /has expired is as good as none/, class extends SimpleStore {
    override ofUser (userId: string) { return [...this.rows.values()].filter((row) => row.userId === userId) }
  }],
  ['deleteByUser() counts wrong', /^deleteByUser\(\) ends all/, class extends SimpleStore {
    override async deleteByUser (userId: string, options?: { except?: string }) { return Math.min(1, await super.deleteByUser(userId, options)) }
  }],
  ['deleteByUser() lets a racing advance() bring the session back', /^deleteByUser\(\) racing advance/, class extends SimpleStore {
    override async deleteByUser (userId: string, options?: { except?: string }) {
      const rows = this.ofUser(userId)
      const deleted = await super.deleteByUser(userId, options)
      for (const row of rows) if (row.generation > 0 && row.generation < 10) this.rows.set(row.id, row)
      return deleted
    }
  }],
  ['a session that is created while the index is tidied drops out of it', /racing create\(\)/, class extends SimpleStore {
    index = new Map<string, string[]>()
    override async create (session: Session) {
      this.index.set(session.userId, [...this.index.get(session.userId) ?? [], session.id])
      await super.create(session)
    }

    override ofUser (userId: string) {
      const rows = (this.index.get(userId) ?? []).map((id) => this.alive(id)).filter((row) => row !== null)
      this.index.set(userId, rows.map(({ id }) => id))
      return rows
    }
  }],
  ['subscribe() does not hear of delete()', /^subscribe/, class extends SimpleStore {
    override async delete (id: string) { return await this.unheard(() => super.delete(id)) }
  }],
  ['subscribe() does not hear of deleteByUser()', /^subscribe/, class extends SimpleStore {
    override async deleteByUser (userId: string, options?: { except?: string }) { return await this.unheard(() => super.deleteByUser(userId, options)) }
  }],
  ['subscribe() hears of what had expired', /^subscribe/, class extends SimpleStore {
    override async delete (id: string) { this.report(id); return await super.delete(id) }
  }],
  ['subscribe() hears of what was spared', /^subscribe/, class extends SimpleStore {
    override async deleteByUser (userId: string, options?: { except?: string }) {
      for (const { id } of this.ofUser(userId)) this.report(id)
      return await super.deleteByUser(userId, options)
    }
  }],
  ['a subscription does not end', /^subscribe/, class extends SimpleStore {
    override async subscribe (onRevoked: (id: string) => void) { await super.subscribe(onRevoked); return async () => {} }
  }],
  ['the end of a subscription ends all', /^subscribe/, class extends SimpleStore {
    override async subscribe (onRevoked: (id: string) => void) { await super.subscribe(onRevoked); return async () => { this.subscribers.clear() } }
  }],
  ['times are rounded to seconds', /^create\(\) keeps a session/, seen(({ expiresAt }) => ({ expiresAt: Math.floor(expiresAt / 1000) * 1000 }))],
  ['times are text', /^create\(\) keeps a session/, seen(({ expiresAt }) => ({ expiresAt: String(expiresAt) }))],
  ['generations are bigints', /^create\(\) keeps a session/, seen(({ generation }) => ({ generation: BigInt(generation) }))],
  ['generations have 16 bits', /numbers come back as numbers/, seen(({ generation }) => ({ generation: generation & 0xFFFF }))],
  ['times end in 2038', /numbers come back as numbers/, seen(({ expiresAt }) => ({ expiresAt: Math.min(expiresAt, 2_147_483_647_000) }))],
  ['scope is a set', /scope and details/, seen(({ scope }) => ({ scope: [...new Set(scope)] }))],
  ['scope is blank-separated text', /scope and details/, seen(({ scope }) => ({ scope: scope.join(' ').split(' ') }))],
  ['details are one level deep', /scope and details/, seen(({ details }) => ({ details: Object.fromEntries(Object.entries(details).map(([key, value]) => [key, typeof value === 'object' ? null : value])) }))],
  ['details lose null', /scope and details/, seen(({ details }) => ({ details: Object.fromEntries(Object.entries(details).filter(([, value]) => value !== null)) }))],
  ['details are copied by assignment', /scope and details/, seen(({ details }) => ({ details: Object.assign({}, details) }))],
  ['the store adds fields of its own', /^create\(\) keeps a session/, seen(() => ({ _id: 1 }))]
]

t.test('a store that keeps all rules passes', async (t) => {
  t.same(await failures(() => new SimpleStore()), [])
})

t.test('a store without previousGeneration passes', async (t) => {
  t.same(await failures(() => new (seen(() => ({ previousGeneration: undefined })))()), [])
})

t.test('a store that reports no deletions passes', async (t) => {
  t.same(await failures(() => Object.assign(new SimpleStore(), { subscribe: undefined })), [])
})

t.test('what the store throws is not swallowed', async (t) => {
  const [first] = refreshTokenStoreTests
  await t.rejects(first!.run(() => { throw new Error('no server') }), { message: 'no server' })
})

for (const [rule, noticedBy, Store] of broken) {
  t.test(`caught: ${rule}`, async (t) => {
    t.not((await failures(() => new Store(), noticedBy)).length, 0)
  })
}

t.test('each test of the suite catches something', async (t) => {
  for (const { name } of refreshTokenStoreTests) {
    t.ok(broken.some(([, noticedBy]) => noticedBy.test(name)), name)
  }
})
