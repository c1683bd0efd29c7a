// Says in words what a request and its answer meant, and what another tab did.

const BY_CODE = {
  INVALID_CREDENTIALS: 'Refused. The answer is the same for a wrong name and for a wrong password.',
  MISSING_ACCESS_TOKEN: 'No access token, no answer.',
  EXPIRED_ACCESS_TOKEN: 'The access token has expired.',
  INVALID_ACCESS_TOKEN: 'The access token is not valid.',
  SESSION_REVOKED: 'The session has been ended, and its access token with it.',
  MISSING_REFRESH_TOKEN: 'No refresh cookie: nobody is signed in here.',
  INVALID_REFRESH_TOKEN: 'The refresh token is of no use any more. Log in again.',
  STORE_UNAVAILABLE: 'The session store cannot be reached. Nobody is signed out by that.',
  CROSS_ORIGIN: 'Refused: the request came from another site.'
}

const BY_ROUTE = {
  'POST /auth/login': 'Name and password are right: an access token in the body, a refresh token in the cookie.',
  'POST /auth/refresh': 'The cookie bought a new access token, and was itself replaced.',
  'POST /auth/logout': 'The session is deleted on the server, the cookie cleared.',
  'GET /auth/sessions': 'One row in the store for each device.',
  'DELETE /auth/sessions/:id': 'That device is logged out. It will notice at its next request.',
  'GET /api/me': 'The guard let it pass: this is who you are.',
  'GET /api/fortune': 'The guard let it pass. It needs no store for that.',
  'POST /demo/outage/store': 'From now on, every call of the session store fails.',
  'POST /demo/outage/network': 'From now on, every call is cut off.'
}

/** What `entry` meant, given the requests before it in the same story. */
export function meaningOf (entry, earlier) {
  const { method, path, status, code } = entry
  if (status === 0) return 'No answer came. Nobody is signed out by that.'
  if (status === 429) return 'Too many attempts. Try again in a while.'
  if (status >= 400) return BY_CODE[code] ?? 'The server could not do it.'
  const before = earlier.filter((other) => other.path === path && other.method === method)
  if (before.some((other) => other.status === 401)) return 'Repeated with the new token. Nobody noticed a thing.'
  const meaning = BY_ROUTE[`${method} ${path.replace(/^\/auth\/sessions\/.+/, '/auth/sessions/:id')}`] ?? ''
  return before.some(isTrouble) ? `Back again. ${meaning}` : meaning
}

/** Whether a request failed for no fault of the person's. */
export function isTrouble ({ status }) {
  return status === 0 || status >= 500
}

/** A title and a sentence for each thing that another tab can have done. */
export const ELSEWHERE = {
  login: ['Logged in, in another tab', 'It shared its access token, so this tab is signed in, too.'],
  refresh: ['Refreshed, in another tab', 'One refresh serves all tabs: the new access token came along.'],
  logout: ['Logged out, in another tab', 'One cookie, one session: all tabs are signed out.'],
  'session-ended': ['Over, says another tab', 'It found out that the session is over.']
}
