// TanStack Query: retries that know what is worth retrying, and a cache that no second person gets to see.
import { QueryClient } from '@tanstack/react-query'
import { AuthError, type GuardedFetch } from 'fastify-token-auth/client'

/** What the recipe needs of a client. */
interface Auth {
  readonly claims: { sub: string } | null
  readonly fetch: GuardedFetch
  subscribe (listener: () => void): () => void
}

/** What the API answers, as an error like those of the client, so that both are retried by the same rule. */
function refusal ({ status, headers }: Response): AuthError {
  return new AuthError('UNEXPECTED_ANSWER', `The server answered ${status}`, { status, retryAfter: Number(headers.get('retry-after')) || undefined })
}

/** Make the app's query client. A query's key is the path that it reads, such as `['/api/orders', id]`; its parts after the first are encoded. */
export function createQueryClient (auth: Auth): QueryClient {
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        async queryFn ({ queryKey, signal }) {
          const [path, ...parts] = queryKey
          const response = await auth.fetch([path, ...parts.map((part) => encodeURIComponent(String(part)))].join('/'), { signal })
          if (!response.ok) throw refusal(response)
          return response.json()
        },
        // no answer, 429 and 5xx may pass; somebody else's request must not be made again
        retry: (count, error) => count < 3 && error instanceof AuthError && (error.code === 'NO_ANSWER' || error.status === 429 || error.status >= 500),
        retryDelay: (count, error) => 1000 * ((error instanceof AuthError && error.retryAfter) || 2 ** count)
      }
    }
  })

  let person = auth.claims?.sub
  auth.subscribe(() => {
    // not when a person comes where nobody was: that may be the doing of a query that is under way
    if (person !== undefined && person !== auth.claims?.sub) queries.clear()
    person = auth.claims?.sub
  })
  return queries
}
