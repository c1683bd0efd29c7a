// Says in words what a request and its answer meant.

const BY_CODE = {
  INVALID_CREDENTIALS: 'Refused. The answer is the same for a wrong name and for a wrong password.',
  MISSING_ACCESS_TOKEN: 'No access token, no answer.',
  EXPIRED_ACCESS_TOKEN: 'The access token has expired.',
  INVALID_ACCESS_TOKEN: 'The access token is not valid.',
  SESSION_REVOKED: 'The session has been ended.',
  MISSING_REFRESH_TOKEN: 'No refresh cookie: nobody is signed in here.',
  INVALID_REFRESH_TOKEN: 'The refresh token is of no use any more. Log in again.',
  STORE_UNAVAILABLE: 'The session store cannot be reached. Nobody is signed out by that.',
  CROSS_ORIGIN: 'Refused: the request came from another site.'
}

const BY_ROUTE = {
  'POST /auth/login': 'Name and password are right: an access token in the body, a refresh token in the cookie.',
  'POST /auth/refresh': 'The cookie bought a new access token, and was itself replaced.',
  'POST /auth/logout': 'The session is deleted on the server, the cookie cleared.',
  'GET /api/me': 'The guard let it pass: this is who you are.',
  'GET /api/fortune': 'The guard let it pass.'
}

/** What `entry` meant, given the requests before it in the same story. */
export function meaningOf (entry, earlier) {
  const { method, path, status, code } = entry
  if (status === 0) return 'No answer came. You are still signed in; try again.'
  if (status === 429) return 'Too many attempts. Try again in a while.'
  if (status >= 400) return BY_CODE[code] ?? 'The server could not do it.'
  const isRepeated = earlier.some((other) => other.path === path && other.method === method && other.status === 401)
  return isRepeated ? 'Repeated with the new token. Nobody noticed a thing.' : BY_ROUTE[`${method} ${path}`] ?? ''
}
