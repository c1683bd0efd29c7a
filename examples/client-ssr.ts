// Server-side rendering with React: the server renders what is the same for everybody, and the browser, which alone refreshes, fills in the rest.
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { useAuth, useRestoredSession } from './client-react.ts'

export function App () {
  useRestoredSession()
  const { state, claims } = useAuth()
  if (state === 'signed-in') return createElement('p', null, `Hello ${claims?.sub}`)
  // the server never knows who it renders for: that would cost a refresh with each page, and a page that nobody may cache
  return createElement('p', null, state === 'signed-out' ? 'Please log in' : 'One moment …')
}

/** The page, with the address of the script that takes it over in the browser: `hydrateRoot(document.getElementById('root'), createElement(App))`. */
export function renderPage (script: string): string {
  const html = renderToString(createElement(App))
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><div id="root">${html}</div><script type="module" src="${script}"></script>`
}
