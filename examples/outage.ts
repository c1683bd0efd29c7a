// Trouble at the push of a button, for the demo alone: for ten seconds the session store throws, or the network cuts every call off.
import type { FastifyInstance } from 'fastify'
import type { RefreshTokenStore } from 'fastify-token-auth'

const SECONDS = 10

/** Make the switch; `clock` is in milliseconds since the epoch. */
export function createOutage (clock: () => number) {
  const until = { store: 0, network: 0 }

  async function storeWorks (): Promise<void> {
    if (clock() < until.store) throw new Error('the session store was made to fail by a button of the demo')
  }

  return {
    /** The same store, which fails while it is made to. */
    wrap: (store: RefreshTokenStore): RefreshTokenStore => ({
      create: (session) => storeWorks().then(() => store.create(session)),
      advance: (id, rotation) => storeWorks().then(() => store.advance(id, rotation)),
      find: (id) => storeWorks().then(() => store.find(id)),
      delete: (id) => storeWorks().then(() => store.delete(id)),
      findByUser: (userId) => storeWorks().then(() => store.findByUser(userId)),
      deleteByUser: (userId, options) => storeWorks().then(() => store.deleteByUser(userId, options)),
      ...store.subscribe && { subscribe: store.subscribe.bind(store) }
    }),

    /** Cut off calls while the network is made to fail. To be called before routes are registered. */
    cutCalls (app: FastifyInstance): void {
      app.addHook('onRequest', async ({ url, raw }, reply) => {
        if (clock() >= until.network || !/^\/(api|auth)\//.test(url)) return
        reply.hijack()
        raw.destroy()
      })
    },

    /** The routes that the page's buttons call; only those who are signed in can. */
    addRoutes (app: FastifyInstance): void {
      for (const part of ['store', 'network'] as const) {
        app.post(`/demo/outage/${part}`, { onRequest: app.authenticate }, async () => {
          until[part] = clock() + SECONDS * 1000
          return { seconds: SECONDS }
        })
      }
    }
  }
}
