// The list of requests, told as stories: each thing done on the page, with the requests that it led to.
import { meaningOf } from './meaning.js'

const MAX_STORIES = 40

/** Make a timeline in a list element. */
export function createTimeline (list) {
  let title = ''
  let requests = null
  let earlier = []

  return {
    /** Begin a story; it appears with its first request. */
    begin (nextTitle) {
      title = nextTitle
      requests = null
      earlier = []
    },
    /** Add a request to the story. */
    add (entry) {
      requests ??= addStory(list, title)
      requests.append(requestItem(entry, meaningOf(entry, earlier)))
      earlier.push(entry)
    }
  }
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

function requestItem ({ method, path, status, milliseconds }, meaning) {
  const item = make('li', 'request')
  item.dataset.outcome = status === 0 || status >= 500 ? 'trouble' : status >= 400 ? 'refused' : 'done'
  const line = make('p', 'request-line')
  const route = make('span', 'route')
  route.append(make('span', 'method', method), ' ', make('span', 'path', path))
  line.append(make('span', 'code', status || '—'), ' ', route, ' ', make('span', 'duration', `${milliseconds} ms`))
  item.append(line, make('p', 'meaning', meaning))
  return item
}

function make (name, className, text) {
  const element = document.createElement(name)
  element.className = className
  if (text !== undefined) element.textContent = text
  return element
}
