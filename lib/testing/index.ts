// The door of fastify-token-auth/testing: what the tests of an app or of a store of one's own need.
export { authorizationFor } from './authorization.ts'
export { createTestClock, type TestClock } from './clock.ts'
export { refreshTokenStoreTests, type RefreshTokenStoreTest } from './store-tests.ts'
