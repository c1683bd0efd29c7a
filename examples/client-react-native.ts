// React Native: the refresh token in the keychain of the phone.
import { createAuthClient, type TokenStorage } from 'fastify-token-auth/client'

/** What is needed of `expo-secure-store`: `import * as SecureStore from 'expo-secure-store'`. */
interface SecureStore {
  getItemAsync (key: string): Promise<string | null>
  setItemAsync (key: string, value: string): Promise<void>
  deleteItemAsync (key: string): Promise<void>
}

/** Keep a refresh token in the keychain. */
export function keychainStorage (secureStore: SecureStore, key = 'refresh-token'): TokenStorage {
  return {
    get: () => secureStore.getItemAsync(key),
    set: (refreshToken) => refreshToken === null ? secureStore.deleteItemAsync(key) : secureStore.setItemAsync(key, refreshToken)
  }
}

/** The server allows it with `refreshToken: { transport: 'both' }`. */
export function createAppClient (baseUrl: string, secureStore: SecureStore) {
  return createAuthClient({ baseUrl, transport: 'body', storage: keychainStorage(secureStore) })
}
