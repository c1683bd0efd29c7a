// The list of requests, told as stories: each thing done on the page, with the requests that it led to.
import { make } from './dom.js'
import { isTrouble, meaningOf } from './meaning.js'

const MAX_STORIES = 40

/** Make a timeline in a list element. */
export function createTimeline (list) {
  let title = ''
  let requests = null
  let earlier = []

  /** Begin a story; it appears with its first request. */
  function begin (nextTitle) {
    title = nextTitle
    requests = null
    earlier = []
  }

  function append (item) {
    requests ??= addStory(list, title)
    requests.append(item)
  }

  return {
    begin,
    /** Add a request to the story. One that fails like the one before is only counted. */
    add (entry) {
      const last = earlier.at(-1)
      if (last && isTrouble(entry) && isSame(last, entry)) countAgain(requests.lastElementChild)
      else append(requestItem(entry, meaningOf(entry, earlier)))
      earlier.push(entry)
    },
    /** Add something that happened without a request from here. */
    note (meaning) { append(noteItem(meaning)) }
  }
}

function isSame (one, other) {
  return ['method', 'path', 'status', 'code'].every((key) => one[key] === other[key])
}

function addStory (list, title) {
  const requests = make('ol', 'story-requests')
  const time = make('time', 'story-time', new Date().toLocaleTimeString())
  const header = make('div', 'story-header')
  header.append(make('h3', 'story-title', title), time)
  const story = make('li', 'story')
  story.append(header, requests)
  list.prepend(story)
  while (list.children.length > MAX_STORIES) list.lastElementChild.remove()
  return requests
}

function requestItem (entry, meaning) {
  const { method, path, status, milliseconds } = entry
  const route = make('span', 'route')
  // ids are long and say nothing
  route.append(make('span', 'method', method), ' ', make('span', 'path', path.replace(/([\w-]{8})[\w-]{12,}$/, '$1…')))
  const outcome = isTrouble(entry) ? 'trouble' : status >= 400 ? 'refused' : 'done'
  return item(outcome, meaning, make('span', 'code', status || '—'), ' ', route, ' ', make('span', 'duration', `${milliseconds} ms`))
}

function noteItem (meaning) {
  return item('done', meaning, make('span', 'code', 'tab'), ' ', make('span', 'route', 'no request'))
}

function item (outcome, meaning, ...line) {
  const element = make('li', 'request')
  element.dataset.outcome = outcome
  const first = make('p', 'request-line')
  first.append(...line)
  element.append(first, make('p', 'meaning', meaning))
  return element
}

function countAgain (item) {
  const duration = item.querySelector('.duration')
  const [, count = 1] = /^× (\d+)/.exec(duration.textContent) ?? []
  duration.textContent = `× ${Number(count) + 1}`
}
