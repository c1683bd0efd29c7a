// Stop waiting, without stopping what others wait for, too.

/** Settle as `work` does, or reject with the signal's reason as soon as it aborts; the work goes on. */
export function orAbort<T> (work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // React Native's signals have no reason
    const abort = () => reject(signal.reason ?? Object.assign(new Error('Aborted'), { name: 'AbortError' }))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    // a signal may outlive many calls
    work.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject)
  })
}
