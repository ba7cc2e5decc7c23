/** The steps of a timetable in Redis that must be taken at once. Keys and arguments stand above each. */
import type { RedisScript } from '../../../driver/redis.ts'

/** Keys: lock, meta. Arguments: for how long, in milliseconds. Answers the token; nil where another one leads. */
export const ACQUIRE: RedisScript = {
  name: 'beat acquire',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local token = redis.call('HINCRBY', KEYS[2], 'token', 1)
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
return token
`,
}

/** Keys: lock, meta. Arguments: token, for how long. Answers the version; nil where another one leads. */
export const RENEW: RedisScript = {
  name: 'beat renew',
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return tonumber(redis.call('HGET', KEYS[2], 'version') or 0)
`,
}

/** Keys: lock. Arguments: token. */
export const RELEASE: RedisScript = {
  name: 'beat release',
  lua: `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
`,
}

/** Keys: lock, states. Arguments: token; by threes name, last due time, runs. Answers 1; 0 where another one leads. */
export const SAVE: RedisScript = {
  name: 'beat save',
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for at = 2, #ARGV, 3 do
  local name, due, runs = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local known = redis.call('HGET', KEYS[2], name)
  if not known or tonumber(due) > tonumber(string.match(known, '^%S+')) then
    redis.call('HSET', KEYS[2], name, due .. ' ' .. runs)
  end
end
return 1
`,
}

/**
 * Keys: meta, states, paused, marks. Arguments: name, the time in milliseconds, the entry's mark. The mark moves too, also
 * back, where the clock was wrong before.
 */
export const RESUME: RedisScript = {
  name: 'beat resume',
  lua: `
local known = redis.call('HGET', KEYS[2], ARGV[1])
local runs = known and string.match(known, '%S+$') or '0'
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. runs)
redis.call('SREM', KEYS[3], ARGV[1])
if redis.call('HEXISTS', KEYS[4], ARGV[3]) == 1 then redis.call('HSET', KEYS[4], ARGV[3], ARGV[2]) end
redis.call('HINCRBY', KEYS[1], 'version', 1)
`,
}
