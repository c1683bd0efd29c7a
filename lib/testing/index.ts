// The door of fastify-token-auth/testing: what the tests of an app or of a store of one's own need.
export { refreshTokenStoreTests, type RefreshTokenStoreTest } from './store-tests.ts'
