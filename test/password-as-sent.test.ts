// A password reaches the verifier exactly as it was sent: not trimmed, cut, folded or normalized (ASVS 5.0 6.2.8).
import t from 'tap'
import { buildApp } from './fixtures/app.ts'

t.test('whatever characters it is made of', async (t) => {
  const seen: string[] = []
  const { app } = await buildApp(t, { userVerifier: { verify ({ password }) { seen.push(password); return null } } })
  const passwords = [' a b ', '\t', 'ALL CAPS', 'nul\0inside', 'line\r\nfeed', '"quotes"\\', '%41%20', '<script>', '🔑 ключ 鍵', 'e\u0301 is not é', '\ufeffbom', '\ud800 half a pair', '__proto__', 'x'.repeat(1024), '🔑'.repeat(1024)]
  for (const password of passwords) t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: { username: 'ada', password } })).statusCode, 401)
  t.strictSame(seen, passwords.map((password) => JSON.parse(Buffer.from(JSON.stringify(password)).toString()) as string))
  t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: { username: 'ada', password: 'x'.repeat(1025) } })).statusCode, 400, 'one too long is refused, not cut')
})
