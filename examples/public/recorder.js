// A fetch that reports every request with its answer, as the timeline shows them.

/** Make a `fetch` for the client that calls `report` with `{ method, path, status, code, milliseconds }` for every request; `status` is 0 where no answer came. */
export function createRecorder (report) {
  return async (request) => {
    const startedAt = performance.now()
    let response
    try {
      response = await fetch(request)
      return response
    } finally {
      report({
        method: request.method,
        path: new URL(request.url).pathname,
        status: response?.status ?? 0,
        code: response && !response.ok ? await codeOf(response) : '',
        milliseconds: Math.round(performance.now() - startedAt)
      })
    }
  }
}

async function codeOf (response) {
  const { code = '' } = await response.clone().json().catch(() => ({}))
  return code.replace('FST_TOKEN_AUTH_', '')
}
