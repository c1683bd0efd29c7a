// React: who is signed in, as a hook that renders on every change, in all tabs.
import { useEffect, useSyncExternalStore } from 'react'
import { createAuthClient } from 'fastify-token-auth/client'

/** One for the whole app; it sends nothing before it is used, so it may be made on a server that renders, too. */
export const auth = createAuthClient<{ name: string }>()

/** `state` is `'unknown'` until the server was asked: show neither the log-in form nor anything private. */
export function useAuth () {
  const state = useSyncExternalStore(auth.subscribe, () => auth.state, () => 'unknown' as const)
  const claims = useSyncExternalStore(auth.subscribe, () => auth.claims, () => null)
  return { state, claims }
}

/** In the root component: find out on page load, and when the network is back, whether somebody is signed in. */
export function useRestoredSession () {
  useEffect(() => {
    const restore = () => {
      if (auth.state === 'unknown') auth.restore().catch(() => {})
    }
    restore()
    globalThis.addEventListener('online', restore)
    return () => globalThis.removeEventListener('online', restore)
  }, [])
}
