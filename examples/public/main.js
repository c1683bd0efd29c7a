// The page: what its buttons do, and what it shows in each state.
import { createAuthClient } from './auth.js'
import { createPass } from './pass.js'
import { createRecorder } from './recorder.js'
import { createTimeline } from './timeline.js'

const element = (id) => document.getElementById(id)
const timeline = createTimeline(element('timeline'))
const auth = createAuthClient({ fetch: createRecorder(timeline.add) })
const pass = createPass({ onExpired: () => say('The access token has expired') })
const waitLabel = element('wait').textContent

let shown = 'unknown'
let isBusy = false
let waiting

auth.subscribe(render)
element('call').addEventListener('click', () => act('Open a fortune cookie', openFortune))
element('knock').addEventListener('click', () => act('Call without logging in', knock))
element('logout').addEventListener('click', () => act('Log out', logout))
element('retry').addEventListener('click', () => act('Try again', restore))
element('wait').addEventListener('click', () => waiting ? endWait() : beginWait())
element('login-form').addEventListener('submit', (event) => {
  event.preventDefault()
  act('Log in', login)
})
for (const person of document.querySelectorAll('.person')) person.addEventListener('click', () => fillIn(person.dataset))
act('Load the page', restore)

/** Do one thing at a time and tell its story. What goes wrong is said, and changes nothing else. */
async function act (title, work) {
  if (isBusy) return
  isBusy = true
  endWait()
  timeline.begin(title)
  try {
    await work()
  } catch (error) {
    say(error.message)
  } finally {
    isBusy = false
  }
}

async function restore () {
  try {
    if (await auth.restore() === 'signed-in') await introduce()
  } finally {
    element('unreachable').hidden = auth.state !== 'unknown'
  }
}

async function login () {
  element('problem').textContent = ''
  try {
    await auth.login(Object.fromEntries(new FormData(element('login-form'))))
  } catch (error) {
    element('problem').textContent = error.status === 401 ? 'That name and password do not go together.' : error.message
    element('password').select()
    return
  }
  element('login-form').reset()
  await introduce()
}

/** Ask the guarded API who is signed in. */
async function introduce () {
  const response = await auth.fetch('/api/me')
  if (!response.ok) return
  const person = await response.json()
  pass.name(person)
  say(`Signed in as ${person.name}`)
}

async function openFortune () {
  const response = await auth.fetch('/api/fortune')
  if (!response.ok) return
  const { fortune } = await response.json()
  element('fortune').textContent = fortune
  element('fortune').hidden = false
}

async function knock () {
  const response = await auth.fetch('/api/fortune')
  say(`The guard said no: ${response.status}`)
}

async function logout () {
  await auth.logout()
  say('Logged out')
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

/** Show the client's state. The keyboard goes along when another card takes the place of the one it was in. */
function render (state) {
  const isSignedIn = state === 'signed-in'
  if (isSignedIn) pass.show(auth.claims)
  else pass.clear()
  if (state === shown) return say('A new access token')
  const isFirst = shown === 'unknown'
  shown = state
  element('pass').hidden = !isSignedIn
  element('sign-in').hidden = isSignedIn
  element('fortune').hidden = true
  say(isSignedIn ? 'Signed in' : 'Signed out')
  if (!isFirst) element(isSignedIn ? 'pass-name' : 'sign-in-title').focus()
}

function say (text) {
  element('status').textContent = text
}
