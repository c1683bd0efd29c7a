// What RedisStore needs of a client of ioredis, iovalkey or node-redis, and the one way in which it uses any of them.
import { setTimeout } from 'node:timers/promises'
import type { Script } from './redis-scripts.ts'

/** What the store needs of a client of ioredis or iovalkey, or of their `Cluster`. */
export interface IoredisClient {
  evalsha (sha: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  eval (script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  /** For `subscribe` only: a connection that may wait. */
  duplicate? (): {
    on (event: 'error', listener: () => void): unknown
    xread (block: 'BLOCK', milliseconds: number, streams: 'STREAMS', key: string, entry: string): Promise<unknown>
    disconnect (): void
  }
}

/** What the store needs of a client, pool or cluster of node-redis, the package `redis`. */
export interface NodeRedisClient {
  evalSha (sha: string, options: { keys: string[], arguments: string[] }): Promise<unknown>
  eval (script: string, options: { keys: string[], arguments: string[] }): Promise<unknown>
  /** For `subscribe` only: a connection that may wait. A pool has none. */
  duplicate? (): {
    on (event: 'error', listener: () => void): unknown
    connect (): Promise<unknown>
    xRead (stream: { key: string, id: string }, options: { BLOCK: number }): Promise<unknown>
    destroy (): void
  }
}

/** The one way in which the store uses a client. */
export interface RedisCaller {
  /** Run a script of one key, in one round trip. */
  evaluate (script: Script, key: string, args: string[]): Promise<unknown>
  /** Open a connection of its own that waits for entries of a stream. */
  openWaiter (): Promise<StreamWaiter>
}

export interface StreamWaiter {
  /** Resolves when the stream has an entry after this one, or after a while. */
  wait (key: string, entry: string): Promise<unknown>
  close (): void
}

const MAX_WAIT_MS = 10_000
const POLL_MS = 1000

/** @throws TypeError if the client is none of those named */
export function redisCaller (client: IoredisClient | NodeRedisClient): RedisCaller {
  const { byName, byText, openWaiter } = isNodeRedis(client) ? nodeRedisCalls(client) : ioredisCalls(client)
  return {
    async evaluate ({ text, sha }, key, args) {
      try {
        return await byName(sha, key, args)
      } catch (error) {
        // a server that was restarted, or has joined the cluster, or was told to forget; EVAL makes it know the script again
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return await byText(text, key, args)
        throw error
      }
    },
    openWaiter
  }
}

interface Calls {
  byName (sha: string, key: string, args: string[]): Promise<unknown>
  byText (text: string, key: string, args: string[]): Promise<unknown>
  openWaiter (): Promise<StreamWaiter>
}

function isNodeRedis (client: unknown): client is NodeRedisClient {
  return typeof (client as NodeRedisClient | undefined)?.evalSha === 'function'
}

function nodeRedisCalls (client: NodeRedisClient): Calls {
  return {
    byName: (sha, key, args) => client.evalSha(sha, { keys: [key], arguments: args }),
    byText: (text, key, args) => client.eval(text, { keys: [key], arguments: args }),
    async openWaiter () {
      if (client.duplicate === undefined) return poller()
      const reader = client.duplicate()
      reader.on('error', ignore)
      await reader.connect()
      return {
        wait: (key, id) => reader.xRead({ key, id }, { BLOCK: MAX_WAIT_MS }),
        close () { reader.destroy() }
      }
    }
  }
}

function ioredisCalls (client: IoredisClient): Calls {
  if (typeof (client as IoredisClient | undefined)?.evalsha !== 'function') {
    throw new TypeError('RedisStore: client has to be a client, pool or cluster of ioredis, iovalkey or node-redis')
  }
  return {
    byName: (sha, key, args) => client.evalsha(sha, 1, key, ...args),
    byText: (text, key, args) => client.eval(text, 1, key, ...args),
    async openWaiter () {
      if (client.duplicate === undefined) return poller()
      const reader = client.duplicate()
      reader.on('error', ignore)
      return {
        wait: (key, entry) => reader.xread('BLOCK', MAX_WAIT_MS, 'STREAMS', key, entry),
        close () { reader.disconnect() }
      }
    }
  }
}

function poller (): StreamWaiter {
  const ending = new AbortController()
  return {
    wait: () => setTimeout(POLL_MS, undefined, { ref: false, signal: ending.signal }),
    close () { ending.abort() }
  }
}

/** Its own client tells the owner of trouble with the server; this connection is opened anew by itself. */
function ignore (): void {}
