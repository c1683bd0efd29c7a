// Counts the seconds for which the demo's server was made to fail.
import { element } from './dom.js'

/** Make the count-down; it begins with `show`. */
export function createOutage () {
  const calm = element('outage-state').textContent
  let timer

  return {
    /** `part` is what fails: `'store'` or `'network'`. */
    show (part, seconds) {
      const end = performance.now() + seconds * 1000
      const render = () => {
        const left = Math.ceil((end - performance.now()) / 1000)
        element('outage-state').textContent = left > 0 ? `The ${part} fails for another ${left} s. You stay signed in.` : calm
        if (left <= 0) clearInterval(timer)
      }
      clearInterval(timer)
      timer = setInterval(render, 200)
      render()
    }
  }
}
