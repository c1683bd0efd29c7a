// The page: what its buttons do, and what it shows in each state.
import { AuthError, createAuthClient } from 'fastify-token-auth/client'
import { createActs } from './acts.js'
import { createDevices } from './devices.js'
import { element } from './dom.js'
import { ELSEWHERE } from './meaning.js'
import { createOutage } from './outage.js'
import { createPass } from './pass.js'
import { createRecorder } from './recorder.js'
import { createTimeline } from './timeline.js'

const on = (id, type, listener) => element(id).addEventListener(type, listener)

const timeline = createTimeline(element('timeline'))
const auth = createAuthClient({ fetch: createRecorder(timeline.add) })
const acts = createActs({ onBegin: begin, onTrouble: showTrouble, onDone: hideTrouble })
const { act } = acts
const pass = createPass({ onExpired: () => say('The access token has expired') })
const devices = createDevices({ onLogOut: (id, name) => act(`Log out ${name}`, () => logOutDevice(id), listDevices) })
const outage = createOutage()
const waitLabel = element('wait').textContent

let shown = { state: auth.state, sid: undefined }
let waiting

on('call', 'click', () => act('Open a fortune cookie', openFortune))
on('knock', 'click', () => act('Call without logging in', knock))
on('logout', 'click', () => act('Log out', auth.logout))
on('retry', 'click', acts.hurry)
on('wait', 'click', () => waiting ? endWait() : beginWait())
on('look', 'click', () => act('Look for devices', listDevices))
on('fail-store', 'click', () => act('The store fails for ten seconds', () => fail('store'), openFortune, auth.restore))
on('fail-network', 'click', () => act('The network fails for ten seconds', () => fail('network'), openFortune))
on('login-form', 'submit', (event) => {
  event.preventDefault()
  act('Log in', login)
})
for (const person of document.querySelectorAll('.person')) person.addEventListener('click', () => fillIn(person.dataset))
window.addEventListener('online', acts.hurry)

auth.subscribe(follow)
act('Load the page', restore)

/** Whatever has changed, and in whichever tab: show it, and ask about a session that is new here. */
function follow (state, { type, elsewhere }) {
  if (elsewhere) {
    const [title, meaning] = ELSEWHERE[type]
    if (type !== 'refresh') acts.stop()
    if (acts.isIdle) begin(title)
    timeline.note(meaning)
  }
  if (type === 'page-restored') {
    begin('Back on this page')
    acts.after(restore)
  }

  if (auth.claims) pass.show(auth.claims)
  else pass.clear()
  const sid = auth.claims?.sid
  if (state === shown.state && sid === shown.sid) return say(elsewhere ? 'A new access token, from another tab' : 'A new access token')
  element('farewell').textContent = shown.state === 'signed-in' ? farewell(type, elsewhere) : ''
  showCard(state)
  shown = { state, sid }
  if (sid) acts.after(introduce, listDevices)
}

/** Show what belongs to the state, and nothing that was somebody else's. The keyboard goes along when another card takes the place of the one it was in. */
function showCard (state) {
  endWait()
  pass.name({ name: '', role: '' })
  devices.clear()
  element('fortune').hidden = true
  element('unreachable').hidden = true
  element('pass').hidden = element('panels').hidden = state !== 'signed-in'
  element('sign-in').hidden = state !== 'signed-out'
  say({ 'signed-in': 'Signed in', 'signed-out': 'Signed out', unknown: 'Looking for a session …' }[state])
  if (shown.state !== 'unknown' && state !== 'unknown') element(state === 'signed-in' ? 'pass-name' : 'sign-in-title').focus()
}

function farewell (type, elsewhere) {
  if (type === 'session-ended') return 'This session is over: it was logged out on another device, or its time was up.'
  return type === 'logout' && elsewhere ? 'You have logged out in another tab.' : ''
}

/** Ask whether somebody is signed in. */
async function restore () {
  try {
    await auth.restore()
  } catch (error) {
    element('unreachable').hidden = auth.state !== 'unknown'
    element('unreachable-code').textContent = shortCode(error)
    throw error
  }
}

async function login () {
  element('problem').textContent = ''
  try {
    await auth.login(Object.fromEntries(new FormData(element('login-form'))))
    element('login-form').reset()
  } catch (error) {
    element('problem').textContent = error.status === 401 ? 'That name and password do not go together.' : error.message
    element('password').select()
  }
}

/** Ask the guarded API who is signed in. */
async function introduce () {
  const response = await call('/api/me')
  if (!response.ok) return
  const person = await response.json()
  pass.name(person)
  say(`Signed in as ${person.name}`)
}

async function openFortune () {
  const response = await call('/api/fortune')
  if (!response.ok) return
  const { fortune } = await response.json()
  element('fortune').textContent = fortune
  element('fortune').hidden = false
}

async function knock () {
  const response = await call('/api/fortune')
  say(`The guard said no: ${response.status}`)
}

async function listDevices () {
  const response = await call('/auth/sessions')
  if (response.ok) devices.show(await response.json())
}

async function logOutDevice (id) {
  await call(`/auth/sessions/${id}`, { method: 'DELETE' })
  element('look').focus()
}

async function fail (part) {
  const response = await call(`/demo/outage/${part}`, { method: 'POST' })
  if (!response.ok) return
  const { seconds } = await response.json()
  outage.show(part, seconds)
}

/** Call the server. What it could not do is thrown, as the client throws it; a 401 is not: whoever got it is signed out by now, which the page shows. */
async function call (path, init) {
  const response = await auth.fetch(path, init)
  if (response.status < 500) return response
  // a proxy answers with a page of its own, or with nothing
  const { code = 'UNEXPECTED_ANSWER', message = `The server answered ${response.status}` } = await response.json().catch(() => ({}))
  throw new AuthError(code, message, { status: response.status, retryAfter: Number(response.headers.get('retry-after')) || undefined })
}

function begin (title) {
  endWait()
  element('trouble').hidden = true
  timeline.begin(title)
}

/** Say what went wrong, and that nobody is signed out by it. */
function showTrouble (error, isTriedAgain) {
  if (error.code === 'USER_CHANGED') return
  const { retryAfter } = error
  element('trouble-title').textContent = `${error.message}.`
  element('trouble-hope').textContent = [auth.state === 'signed-in' && 'You are still signed in.', isTriedAgain && 'Trying again …'].filter(Boolean).join(' ')
  element('trouble-error').textContent = [error.name, shortCode(error), retryAfter && `retry after ${retryAfter} s`].filter(Boolean).join(' · ')
  // where nobody is known, a card says it
  element('trouble').hidden = auth.state === 'unknown'
}

function hideTrouble () {
  if (!element('trouble').hidden && auth.state === 'signed-in') say('Back again')
  element('trouble').hidden = true
}

function shortCode ({ code, status }) {
  return `${code.replace('FST_TOKEN_AUTH_', '')}${status ? ` ${status}` : ''}`
}

function beginWait () {
  waiting = setInterval(countDown, 200)
  countDown()
}

function countDown () {
  const left = pass.remaining()
  if (left === 0) return act('Wait for expiry, then open a fortune cookie', openFortune)
  element('wait').textContent = `Waiting ${Math.ceil(left)} s, press to stop`
}

function endWait () {
  clearInterval(waiting)
  waiting = undefined
  element('wait').textContent = waitLabel
}

function fillIn ({ username, password }) {
  element('username').value = username
  element('password').value = password
  element('login').focus()
}

function say (text) {
  element('status').textContent = text
}
