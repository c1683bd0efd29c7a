// The scripts of RedisStore, of one key each, so that a cluster may keep the keys wherever it likes.
import { createHash } from 'node:crypto'

/** A script and the name by which a server knows it. */
export interface Script {
  text: string
  sha: string
}

/**
 * The first line makes a replica send each script on to its master: without one it would run there as if it were a read.
 *
 * @param flag `allow-oom` for what a Redis that has no memory left can still do
 */
function script (body: string, flag?: 'allow-oom'): Script {
  const text = `#!lua${flag ? ` flags=${flag}` : ''}\n${body}`
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

export const GET = script("return redis.call('GET', KEYS[1])", 'allow-oom')

/** Not where a session was taken away: some clients send a command again when they have lost the connection. */
export const SET = script("redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', math.ceil(ARGV[2]))")

/** Leaves nothing but an empty string, for a minute: longer than any request that opens a session waits for its answer. */
export const TAKE = script("return redis.call('SET', KEYS[1], '', 'XX', 'GET', 'PX', 60000)", 'allow-oom')

/** ARGV: now, generation, expiresAt, rotatedAt, tokenId as JSON. Numbers are written as they came: Lua would round them. */
export const ADVANCE = script(`
local value = redis.call('GET', KEYS[1])
if not value or value == '' then return false end
local generation, expiresAt, listedUntil, tail = string.match(value, '^%[([^,]+),([^,]+),([^,]+).-(\\n.*)$')
local now = tonumber(ARGV[1])
if tonumber(expiresAt) <= now then return false end
if tonumber(generation) < tonumber(ARGV[2]) then
  value = '[' .. table.concat({ARGV[2], ARGV[3], listedUntil, ARGV[4], generation, ARGV[5]}, ',') .. ']' .. tail
  local ttl = math.ceil(math.min(tonumber(ARGV[3]), tonumber(listedUntil)) - now)
  if ttl <= 0 then
    redis.call('DEL', KEYS[1])
    return false
  end
  redis.call('SET', KEYS[1], value, 'PX', ttl)
end
return value`)

/** The entry in the list has been renewed. ARGV: now, listedUntil. */
export const LIVE_LONGER = script(`
local value = redis.call('GET', KEYS[1])
if not value or value == '' then return end
local generation, expiresAt, rest = string.match(value, '^%[([^,]+),([^,]+),[^,]+(.*)$')
local ttl = math.ceil(math.min(tonumber(expiresAt), tonumber(ARGV[2])) - tonumber(ARGV[1]))
redis.call('SET', KEYS[1], '[' .. generation .. ',' .. expiresAt .. ',' .. ARGV[2] .. rest, 'PX', ttl)`)

/** ARGV: now, listedUntil, id. */
export const LIST = script(`
local ttl = math.ceil(tonumber(ARGV[2]) - tonumber(ARGV[1]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end`)

/** ARGV: now. */
export const LISTED = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)`, 'allow-oom')

/** ARGV: ids. */
export const UNLIST = script("for _, id in ipairs(ARGV) do redis.call('ZREM', KEYS[1], id) end", 'allow-oom')

/**
 * Tell that sessions were revoked, and forget what was told more than an hour ago. It is the server's time that counts,
 * as in the names of the entries. ARGV: ids.
 */
export const TELL = script(`
local hour = 3600000
for _, id in ipairs(ARGV) do
  redis.call('XADD', KEYS[1], 'MINID', '=', string.format('%.0f', redis.call('TIME')[1] * 1000 - hour), '*', 'id', id)
end
redis.call('PEXPIRE', KEYS[1], hour)`)

/** What was told since an entry, at most a thousand: entry, id, entry, id and so on. ARGV: entry. */
export const TOLD = script(`
local told = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1000)) do
  told[#told + 1] = entry[1]
  told[#told + 1] = entry[2][2]
end
return told`, 'allow-oom')
