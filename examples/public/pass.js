// Shows the access token as a pass: whose it is, its rosette, and the seconds it has left.
import { element } from './dom.js'
import { rosette } from './rosette.js'

const TICKS = 30

/** Make the pass; `onExpired` is called once for each token that runs out. */
export function createPass ({ onExpired }) {
  const ticks = drawTicks()
  let claims = null
  let expiresAt = 0
  let timer

  /** Seconds until the token expires, by a clock that nobody can set. */
  function remaining () {
    return Math.max(0, (expiresAt - performance.now()) / 1000)
  }

  function render () {
    const left = remaining()
    const seconds = Math.ceil(left)
    const lit = Math.ceil(left / lifetime(claims) * TICKS)
    ticks.forEach((tick, index) => tick.classList.toggle('lit', index < lit))
    const vigour = seconds === 0 ? 'expired' : seconds <= 5 ? 'ending' : 'valid'
    element('pass').dataset.vigour = vigour
    element('pass-state').textContent = vigour === 'ending' ? 'about to expire' : vigour
    element('seconds').textContent = seconds
    element('seconds-unit').textContent = seconds === 1 ? 'second' : 'seconds'
    if (seconds > 0) return
    clearInterval(timer)
    onExpired()
  }

  return {
    remaining,
    /** Show a token by its claims; one that is shown already goes on counting. */
    show (nextClaims) {
      if (nextClaims.jti === claims?.jti) return
      claims = nextClaims
      expiresAt = performance.now() + lifetime(claims) * 1000
      const [under, over] = rosette(claims.jti)
      element('rosette-under').setAttribute('d', under)
      element('rosette-over').setAttribute('d', over)
      element('fact-token').textContent = short(claims.jti)
      element('fact-session').textContent = short(claims.sid)
      element('fact-since').textContent = new Date(claims.auth_time * 1000).toLocaleTimeString()
      clearInterval(timer)
      timer = setInterval(render, 200)
      render()
    },
    /** Show who the server says it is. */
    name ({ name, role }) {
      element('pass-name').textContent = name
      element('pass-role').textContent = role
    },
    clear () {
      clearInterval(timer)
      claims = null
      element('pass-name').textContent = element('pass-role').textContent = ''
    }
  }
}

/** What the server called `expiresIn`, in seconds: the difference of two of its own times, so this computer's clock has no say. */
function lifetime ({ exp, iat }) {
  return exp - iat
}

function short (id) {
  return `${id.slice(0, 8)}…`
}

function drawTicks () {
  return Array.from({ length: TICKS }, (_, index) => {
    const tick = document.createElementNS('http://www.w3.org/2000/svg', 'line')
    tick.setAttribute('y1', -97)
    tick.setAttribute('y2', -90)
    tick.setAttribute('transform', `rotate(${(index + 0.5) * 360 / TICKS})`)
    element('ticks').append(tick)
    return tick
  })
}
