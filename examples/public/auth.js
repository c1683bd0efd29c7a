// The browser's half: the access token in memory only, one refresh at a time, one repeat after a 401.

/** What a refused or failed call to the auth routes rejects with; `code` is the server's, `status` is 0 where no answer came. */
export class AuthError extends Error {
  constructor (message, { status = 0, code = 'NO_ANSWER', cause } = {}) {
    super(message, { cause })
    this.name = 'AuthError'
    this.status = status
    this.code = code
  }
}

/** Make a client of a server with fastify-token-auth; `fetch` can be replaced, to watch what is sent. */
export function createAuthClient ({ baseUrl = '', prefix = '/auth', fetch: send = (request) => fetch(request) } = {}) {
  const listeners = new Set()
  let state = 'unknown'
  let token = null
  let claims = null
  let refreshing = null
  // counts log-ins and log-outs: an answer to something asked before the last of them is dropped
  let epoch = 0

  function become (nextState, nextToken) {
    state = nextState
    token = nextToken
    claims = token && claimsOf(token)
    for (const listener of listeners) listener(state)
  }

  async function post (route, body) {
    const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await answered(new Request(resolve(baseUrl + prefix + route), { method: 'POST', ...json }))
    if (response.ok) return response
    const { message = response.statusText, code } = await response.json().catch(() => ({}))
    throw new AuthError(message, { status: response.status, code })
  }

  async function answered (request) {
    try {
      return await send(request)
    } catch (cause) {
      throw new AuthError('The server could not be reached', { cause })
    }
  }

  /** Exchange the cookie for a new access token. Only a 401 says that nobody is signed in; any other failure changes nothing. */
  function refresh () {
    refreshing ??= exchange(epoch).finally(() => { refreshing = null })
    return refreshing
  }

  async function exchange (startedIn) {
    try {
      const { accessToken } = await (await post('/refresh')).json()
      if (startedIn === epoch) become('signed-in', accessToken)
    } catch (error) {
      if (error.status !== 401) throw error
      if (startedIn === epoch) become('signed-out', null)
    }
    return state
  }

  async function guarded (request) {
    const sentWith = token
    const response = await answered(withBearer(request.clone(), sentWith))
    const isExpired = response.status === 401 && response.headers.get('www-authenticate')?.startsWith('Bearer')
    if (!isExpired) return response
    // another call may have fetched a newer token in the meantime
    if (token === sentWith && await refresh() !== 'signed-in') return response
    return answered(withBearer(request, token))
  }

  return {
    get state () { return state },
    get claims () { return claims },
    /** Call `listener(state)` whenever the state or the token changes; returns a function that ends it. */
    subscribe (listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async login (credentials) {
      const startedIn = ++epoch
      const { accessToken } = await (await post('/login', credentials)).json()
      if (startedIn === epoch) become('signed-in', accessToken)
    },
    async logout () {
      epoch++
      await post('/logout')
      become('signed-out', null)
    },
    /** On page load: whoever holds a refresh cookie is signed in again. */
    restore: refresh,
    /** `fetch` with the access token; on its expiry refresh and repeat once. */
    fetch: (input, init) => guarded(new Request(typeof input === 'string' ? resolve(baseUrl + input) : input, init))
  }
}

function resolve (url) {
  return new URL(url, document.baseURI)
}

function withBearer (request, token) {
  if (token) request.headers.set('authorization', `Bearer ${token}`)
  return request
}

/** Read a token's claims: to show them, never to decide by them, which is the server's part. */
function claimsOf (token) {
  const payload = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes))
}
