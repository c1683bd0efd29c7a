// Node.js: a command that logs in once and stays logged in, its refresh token in a file that only its owner can read.
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createAuthClient, type TokenStorage } from 'fastify-token-auth/client'

/** Keep a refresh token in a file. */
export function fileStorage (path: string): TokenStorage {
  return {
    get: () => readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      // a file that cannot be read at the moment is not one that is missing
      if (error.code === 'ENOENT') return null
      throw error
    }),
    async set (refreshToken) {
      if (refreshToken === null) return rm(path, { force: true })
      // renamed into place: whenever the process is killed, there is one whole token
      await writeFile(`${path}.new`, refreshToken, { mode: 0o600 })
      await rename(`${path}.new`, path)
    }
  }
}

/** The server allows it with `refreshToken: { transport: 'both' }`. */
export function createCommandClient (baseUrl: string, path: string) {
  return createAuthClient({ baseUrl, transport: 'body', storage: fileStorage(path) })
}
