// Shows where this person is logged in: one line for each session, with a button that logs it out.
import { element, make } from './dom.js'

const BROWSERS = { 'Edg/': 'Edge', 'OPR/': 'Opera', 'Firefox/': 'Firefox', 'Chrome/': 'Chrome', 'Safari/': 'Safari', 'curl/': 'curl' }
const SYSTEMS = { iPhone: 'iPhone', iPad: 'iPad', Android: 'Android', Windows: 'Windows', 'Mac OS': 'macOS', Linux: 'Linux' }

/** Make the list; `onLogOut` is called with a session's id and the name it is shown by. */
export function createDevices ({ onLogOut }) {
  return {
    /** Show what `GET /auth/sessions` answers. */
    show (sessions) {
      element('devices').replaceChildren(...sessions.map((session) => deviceItem(session, onLogOut)))
      element('devices-hint').textContent = sessions.length === 1
        ? 'Log in from a private window as well, and look again.'
        : 'A device that is logged out here notices at its next request.'
    },
    clear () { element('devices').replaceChildren() }
  }
}

function deviceItem ({ id, current, createdAt, lastUsedAt, details }, onLogOut) {
  const name = nameOf(details.userAgent ?? '')
  const text = make('div', 'device-text')
  text.append(make('strong', 'device-name', name), make('span', 'device-times', `since ${when(createdAt)} · used ${when(lastUsedAt)}`))
  const item = make('li', 'device')
  item.append(text, current ? make('span', 'badge', 'this one') : logOutButton(name, () => onLogOut(id, name)))
  return item
}

function logOutButton (name, onClick) {
  const button = make('button', 'button small', 'Log out')
  button.type = 'button'
  button.setAttribute('aria-label', `Log out ${name}`)
  button.addEventListener('click', onClick)
  return button
}

/** What people call a browser: good enough to tell their own devices apart, which is all it is for. */
function nameOf (userAgent) {
  const find = (names) => Object.entries(names).find(([mark]) => userAgent.includes(mark))?.[1]
  return [find(BROWSERS) ?? 'Unknown', find(SYSTEMS)].filter(Boolean).join(' on ')
}

function when (time) {
  const date = new Date(time)
  const isToday = date.toDateString() === new Date().toDateString()
  return date.toLocaleString(undefined, { timeStyle: 'short', ...!isToday && { dateStyle: 'medium' } })
}
