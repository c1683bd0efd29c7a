// The requests, with the headers that a browser's fetch sends.
import type { Load } from './processes.ts'

const HEADERS = [
  'Host: 127.0.0.1',
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: application/json',
  'Accept-Encoding: gzip, deflate',
  'Accept-Language: en-US,en;q=0.9'
].join('\r\n')

/** GET /me with each of these tokens in turn. */
export function getMe (tokens: string[], count: number): Load {
  return { head: `GET /me HTTP/1.1\r\n${HEADERS}\r\nAuthorization: Bearer $\r\n\r\n`, values: tokens, count }
}

/** GET /me with a cookie. */
export function getMeByCookie (cookie: string, count: number): Load {
  return { head: `GET /me HTTP/1.1\r\n${HEADERS}\r\nCookie: $\r\n\r\n`, values: [cookie], count }
}

/** POST with one cookie for each request. */
export function postWithCookie (path: string, cookies: string[]): Load {
  return { head: `POST ${path} HTTP/1.1\r\n${HEADERS}\r\nContent-Length: 0\r\nCookie: $\r\n\r\n`, values: cookies, count: cookies.length }
}

/** POST JSON, with each of these bodies in turn, which are of one length. */
export function postJson (path: string, bodies: string[], count: number): Load {
  return { head: `POST ${path} HTTP/1.1\r\n${HEADERS}\r\nContent-Type: application/json\r\nContent-Length: ${bodies[0]!.length}\r\n\r\n$`, values: bodies, count }
}

/** POST a form, with each of these values, which are of one length, in the place of `$`. */
export function postForm (path: string, form: string, values: string[]): Load {
  const length = form.length - 1 + values[0]!.length
  return { head: `POST ${path} HTTP/1.1\r\n${HEADERS}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\n${form}`, values, count: values.length }
}
