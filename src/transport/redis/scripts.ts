/**
 * The steps that must be taken at once, as Lua scripts. The arguments of all begin with `Keys.grammar`, which `HEAD` names;
 * what each is given besides and what it answers stands above it.
 *
 * The keys that a script is given say where it runs in a cluster, and, up to Redis 7.0, what the server tells changes of
 * when the script has read anything. So `TAKE` is given what `waiting.ts` wants to hear of, and the others one key.
 *
 * Envelopes are texts here: Lua's JSON would turn empty lists into objects and round numbers. A tag is
 * `<owner>:<number>:<step>`, so that whoever finds one knows whose it is, and where it goes back to.
 */
import { replyCode } from '../../driver/redis.ts'
import type { RedisArgument, RedisClient, RedisReply, RedisScript } from '../../driver/redis.ts'

/** So many messages are read from a list at once, and not more than so many bytes are answered. */
const PORTION = 128
const MAX_BYTES = 8 * 1024 * 1024
/** So much is moved or given back in one run of a script at most: meanwhile the server does nothing else. */
const MAX_MOVES = 1000

/** A script of this transport. */
export interface TransportScript extends RedisScript {
  /**
   * The same for a server that is out of memory, where the script needs no more than there is already: then it must not
   * be refused, for only who takes and acknowledges messages makes room. Redis 7 and newer can be told so.
   */
  readonly whenFull: RedisScript | undefined
}

/** Run a script. Rejects as `RedisClient.run` does. */
export async function runScript(
  client: RedisClient,
  script: TransportScript,
  keys: readonly string[],
  arguments_: readonly RedisArgument[],
): Promise<RedisReply> {
  try {
    return await client.run(script, keys, arguments_)
  } catch (error) {
    if (script.whenFull === undefined || replyCode(error) !== 'OOM') throw error
    // Older servers do not understand it.
    return client.run(script.whenFull, keys, arguments_).catch(() => Promise.reject(error as Error))
  }
}

const HEAD = `
local unacked, index, owners, due, exchanges, auto_delete, prefix, separator, binding_prefix = unpack(ARGV, 1, 9)
local steps = {}
for step in string.gmatch(ARGV[10], '%d+') do steps[#steps + 1] = step end

local function list(queue, step)
  if step == '0' then return prefix .. queue end
  return prefix .. queue .. separator .. step
end

local function parked(queue) return due .. '.' .. queue end

local function owned(owner) return owners .. '.' .. owner end

local function inbox(owner, queue) return owned(owner) .. '.inbox.' .. queue end
`

/** Messages that are not due, into the queue's sorted set; and those that are, into their lists. */
const PARKING = `
local function park(queue, step, due_ms, envelope)
  redis.call('ZADD', parked(queue), due_ms, step .. ':' .. envelope)
  local known = redis.call('ZSCORE', due, queue)
  if not known or tonumber(due_ms) < tonumber(known) then redis.call('ZADD', due, due_ms, queue) end
end

local function ripen_queue(queue, now_ms, left)
  local members = redis.call('ZRANGEBYSCORE', parked(queue), '-inf', now_ms, 'LIMIT', 0, left)
  for _, member in ipairs(members) do
    local colon = string.find(member, ':', 1, true)
    redis.call('LPUSH', list(queue, string.sub(member, 1, colon - 1)), string.sub(member, colon + 1))
  end
  if #members > 0 then redis.call('ZREMRANGEBYRANK', parked(queue), 0, #members - 1) end
  local first = redis.call('ZRANGE', parked(queue), 0, 0, 'WITHSCORES')
  if first[2] then redis.call('ZADD', due, first[2], queue) else redis.call('ZREM', due, queue) end
  return #members
end

local function ripen(now_ms)
  local left, moved = ${String(MAX_MOVES)}, 0
  for _, queue in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now_ms, 'LIMIT', 0, 100)) do
    if left <= 0 then break end
    local count = ripen_queue(queue, now_ms, left)
    left = left - count
    moved = moved + count
  end
  return moved
end
`

/**
 * Messages back into their queues, to the side where they are taken: whoever gives several back begins with the
 * youngest. The mark is the one that kombu makes.
 */
const RESTORING = `
local function mark_object(text, name)
  local _, brace = string.find(text, '"' .. name .. '"%s*:%s*{')
  if not brace or string.find(text, '^%s*"redelivered"', brace + 1) then return text end
  local comma = string.find(text, '^%s*}', brace + 1) and '' or ','
  return string.sub(text, 1, brace) .. '"redelivered":true' .. comma .. string.sub(text, brace + 1)
end

local function mark(envelope)
  return mark_object(mark_object(envelope, 'headers'), 'delivery_info')
end

local function restore(tag, redelivered, due_ms)
  local value = redis.call('HGET', unacked, tag)
  if value then
    local envelope, queue = string.match(value, '^%[(.*),"",(".*")%]$')
    if not envelope then return 0 end
    queue = cjson.decode('[' .. queue .. ']')[1]
    local step = string.match(tag, '%d+$')
    if redelivered then envelope = mark(envelope) end
    if due_ms then park(queue, step, due_ms, envelope) else redis.call('RPUSH', list(queue, step), envelope) end
    redis.call('HDEL', unacked, tag)
  end
  redis.call('ZREM', index, tag)
  return value and 1 or 0
end
`

const DROPPING = `
local function unbind_queue(queue)
  local tail = separator .. queue
  for _, exchange in ipairs(redis.call('HKEYS', exchanges)) do
    local key = binding_prefix .. exchange
    for _, member in ipairs(redis.call('SMEMBERS', key)) do
      if string.sub(member, -#tail) == tail then redis.call('SREM', key, member) end
    end
  end
end

local function purge(queue)
  local removed = redis.call('ZCARD', parked(queue))
  redis.call('DEL', parked(queue))
  redis.call('ZREM', due, queue)
  for _, step in ipairs(steps) do
    removed = removed + redis.call('LLEN', list(queue, step))
    redis.call('DEL', list(queue, step))
  end
  return removed
end

local function drop(queue)
  redis.call('SREM', auto_delete, queue)
  unbind_queue(queue)
  return purge(queue)
end

local function has_owner(note)
  for _, owner in ipairs(redis.call('ZRANGE', owners, 0, -1)) do
    if redis.call('SISMEMBER', owned(owner), note) == 1 then return true end
  end
  return false
end

-- Who has declared it may be about to consume it.
local function let_go(owner, queue)
  redis.call('SREM', owned(owner), 'c' .. queue, 'd' .. queue)
  if redis.call('SISMEMBER', auto_delete, queue) == 0 then return 0 end
  if has_owner('c' .. queue) or has_owner('d' .. queue) then return 0 end
  drop(queue)
  return 1
end
`

/** Answers how many messages came back, and whether that was all of it. */
const BURYING = `
local function tags_of(owner)
  local head = owner .. ':'
  local tags = {}
  for _, tag in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if string.sub(tag, 1, #head) == head then tags[#tags + 1] = tag end
  end
  local function number(tag) return tonumber(string.match(tag, ':(%d+):%d+$')) end
  table.sort(tags, function(a, b) return number(a) > number(b) end)
  return tags
end

local function empty_inbox(owner, queue)
  local restored = 0
  local envelope = redis.call('RPOP', inbox(owner, queue))
  while envelope do
    redis.call('RPUSH', list(queue, '0'), mark(envelope))
    restored = restored + 1
    envelope = redis.call('RPOP', inbox(owner, queue))
  end
  return restored
end

local function bury(owner, limit, is_dead)
  local restored = 0
  for at, tag in ipairs(tags_of(owner)) do
    if at > limit then return restored, false end
    restored = restored + restore(tag, true)
  end
  redis.call('ZREM', owners, owner)
  local notes = redis.call('SMEMBERS', owned(owner))
  redis.call('DEL', owned(owner))
  for _, note in ipairs(notes) do
    if string.sub(note, 1, 1) == 'i' then restored = restored + empty_inbox(owner, string.sub(note, 2)) end
  end
  for _, note in ipairs(notes) do
    local kind, queue = string.sub(note, 1, 1), string.sub(note, 2)
    if kind == 'c' or (kind == 'd' and is_dead) then let_go(owner, queue)
    elseif kind == 'x' and not has_owner(note) then drop(queue) end
  end
  return restored, true
end
`

/**
 * Publish, where some messages are not due or were perhaps published before. Arguments: the key of the marks; for each
 * message its queue, step, due time in milliseconds (empty for now), mark, number (empty without one), for how long that is
 * remembered in milliseconds (empty is for ever) and envelope. Without a step it is told on the channel that stands for the
 * queue.
 *
 * Marks are read first and written last: where the script fails in between, nothing that was left out counts as published.
 */
export const PUT: TransportScript = script(
  'put',
  [PARKING],
  `
local marks, answers, numbers, lives = ARGV[11], {}, {}, {}

local function own(key) return marks .. '.' .. key end

local function read(key, for_ms)
  if for_ms == '' then return redis.call('HGET', marks, key) end
  return redis.call('GET', own(key))
end

local function write(key, number, for_ms)
  if for_ms == '' then redis.call('HSET', marks, key, number)
  else redis.call('SET', own(key), number, 'PX', for_ms) end
end

local function is_new(key, number, for_ms)
  if number == '' then return true end
  local name = number .. ' ' .. key
  if answers[name] == nil then
    local known = numbers[key] or read(key, for_ms)
    answers[name] = not known or tonumber(number) > tonumber(known)
    if answers[name] then numbers[key], lives[key] = number, for_ms end
  end
  return answers[name]
end

for at = 12, #ARGV, 7 do
  local queue, step, due_ms, key, number, for_ms, envelope = unpack(ARGV, at, at + 6)
  if is_new(key, number, for_ms) then
    if step == '' then redis.call('PUBLISH', queue, envelope)
    elseif due_ms == '' then redis.call('LPUSH', list(queue, step), envelope)
    else park(queue, step, due_ms, envelope) end
  end
end
for key, number in pairs(numbers) do write(key, number, lives[key]) end
`,
)

/**
 * Take messages and note them as unacknowledged. Arguments: the owner (empty: they are gone when they are taken), the
 * time in milliseconds and in seconds, how many at most, the number of the first tag less one, how many queues, and the
 * queues in their order. Answers false where the owner was buried, else: the next due time (or an empty text), 1 where
 * all lists are empty now (having read that lets the server tell of changes), and by threes the queue's place, the step, the
 * envelopes.
 *
 * kombu's note holds where a message was sent to; ours says that it goes back to the queue it was taken from, so that a
 * message that reached several queues comes again in one. Noted first and then taken: a script that fails half-way is
 * not undone.
 */
export const TAKE: TransportScript = neutral(
  'take',
  [PARKING],
  `
local owner, now_ms, now, left, number = ARGV[11], ARGV[12], ARGV[13], tonumber(ARGV[14]), tonumber(ARGV[15])
if owner ~= '' and not redis.call('ZSCORE', owners, owner) then return false end
ripen(now_ms)
local answer, bytes, keys = { '', 0 }, 0, {}

local function take(key, queue, step)
  local taken = {}
  local tail = ',"",' .. cjson.encode(queue) .. ']'
  while left > 0 and bytes < ${String(MAX_BYTES)} do
    local portion = math.min(left, ${String(PORTION)})
    local envelopes = redis.call('LRANGE', key, -portion, -1)
    if #envelopes == 0 then break end
    local notes, scores = {}, {}
    for at = #envelopes, 1, -1 do
      local envelope = envelopes[at]
      taken[#taken + 1] = envelope
      bytes = bytes + #envelope
      if owner ~= '' then
        number = number + 1
        local tag = owner .. ':' .. string.format('%.0f', number) .. ':' .. step
        notes[#notes + 1] = tag
        notes[#notes + 1] = '[' .. envelope .. tail
        scores[#scores + 1] = now
        scores[#scores + 1] = tag
      end
    end
    if owner ~= '' then
      redis.call('HSET', unacked, unpack(notes))
      redis.call('ZADD', index, unpack(scores))
    end
    redis.call('LTRIM', key, 0, -#envelopes - 1)
    left = left - #envelopes
    if #envelopes < portion then break end
  end
  return taken
end

for _, step in ipairs(steps) do
  for at = 16, #ARGV do
    local key = list(ARGV[at], step)
    keys[#keys + 1] = key
    local taken = take(key, ARGV[at], step)
    if #taken > 0 then
      answer[#answer + 1] = at - 16
      answer[#answer + 1] = step
      answer[#answer + 1] = taken
    end
  end
end
if left > 0 and redis.call('EXISTS', unpack(keys)) == 0 then answer[2] = 1 end
answer[1] = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] or ''
return answer
`,
)

/**
 * Note the message in an inbox as `TAKE` does. Arguments: the owner, the queue, the tag, and the time in seconds. Answers
 * 1, or 0 where there is none: the owner was buried.
 */
export const NOTE: TransportScript = neutral(
  'note',
  [],
  `
local key, tag = inbox(ARGV[11], ARGV[12]), ARGV[13]
local envelope = redis.call('LRANGE', key, -1, -1)[1]
if not envelope then return 0 end
redis.call('HSET', unacked, tag, '[' .. envelope .. ',"",' .. cjson.encode(ARGV[12]) .. ']')
redis.call('ZADD', index, ARGV[14], tag)
redis.call('RPOP', key)
return 1
`,
)

/**
 * Give messages back. Arguments: 1 where they are marked as redelivered, the due time in milliseconds (empty for now),
 * and the tags, the youngest first. Answers how many there were.
 */
export const RELEASE: TransportScript = neutral(
  'release',
  [PARKING, RESTORING],
  `
local restored = 0
local due_ms = ARGV[12] ~= '' and ARGV[12]
for at = 13, #ARGV do restored = restored + restore(ARGV[at], ARGV[11] == '1', due_ms) end
return restored
`,
)

/**
 * Be an owner from now on. Arguments: the owner, and for how long it is one without another word, in milliseconds. By
 * the server's clock: those of its clients may differ.
 */
export const ENTER: TransportScript = neutral(
  'enter',
  [],
  `
local time = redis.call('TIME')
redis.call('ZADD', owners, time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[12], ARGV[11])
`,
)

/**
 * Stay an owner, and look after the others. Arguments: the owner and for how long, as for `ENTER`; the time in
 * milliseconds and in seconds; the time in seconds before which notes are overdue (kombu's visibility timeout); and the
 * tags to renew. Answers false where this owner was buried meanwhile, else how many messages can be taken that could not
 * before, the owners that have said nothing for too long, by twos with for how many milliseconds, and by twos the tags
 * and notes that are overdue and belong to nobody here.
 */
export const TEND: TransportScript = neutral(
  'tend',
  [PARKING, RESTORING],
  `
local owner, ttl, now_ms, now, overdue = ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local time = redis.call('TIME')
local server_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZADD', owners, 'XX', 'CH', server_ms + ttl, owner) == 0 and not redis.call('ZSCORE', owners, owner) then
  return false
end
for at = 16, #ARGV do redis.call('ZADD', index, 'XX', now, ARGV[at]) end
local moved, silent, notes = ripen(now_ms), {}, {}
local late = redis.call('ZRANGEBYSCORE', owners, '-inf', server_ms, 'WITHSCORES', 'LIMIT', 0, 10)
for at = 1, #late, 2 do
  silent[#silent + 1] = late[at]
  silent[#silent + 1] = server_ms - late[at + 1] + ttl
end
for _, tag in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', overdue, 'LIMIT', 0, 100)) do
  local holder = string.match(tag, '^(celeriac%-.*):%d+:%d+$')
  if not holder then
    notes[#notes + 1] = tag
    notes[#notes + 1] = redis.call('HGET', unacked, tag) or ''
  elseif not redis.call('ZSCORE', owners, holder) then
    moved = moved + restore(tag, true)
  end
end
return { moved, silent, notes }
`,
)

/**
 * What an owner holds goes back, and the owner goes. Arguments: the owner, and 1 where it must have been silent for too
 * long. Answers how many messages came back, and 1 when there is nothing more to do.
 */
export const BURY: TransportScript = neutral(
  'bury',
  [PARKING, RESTORING, DROPPING, BURYING],
  `
local until_ms = redis.call('ZSCORE', owners, ARGV[11])
if not until_ms then return { 0, 1 } end
local time = redis.call('TIME')
if ARGV[12] == '1' and until_ms + 0 > time[1] * 1000 + math.floor(time[2] / 1000) then return { 0, 1 } end
local restored, done = bury(ARGV[11], ${String(MAX_MOVES)}, ARGV[12] == '1')
return { restored, done and 1 or 0 }
`,
)

/**
 * Give back what a Python worker has held for too long, unless somebody settled it meanwhile. Arguments: the tag, its
 * envelope, and by twos the queues and steps it goes to.
 */
export const RECOVER: TransportScript = neutral(
  'recover',
  [PARKING, RESTORING],
  `
redis.call('ZREM', index, ARGV[11])
if redis.call('HDEL', unacked, ARGV[11]) == 0 then return 0 end
for at = 13, #ARGV, 2 do redis.call('RPUSH', list(ARGV[at], ARGV[at + 1]), mark(ARGV[12])) end
return 1
`,
)

/**
 * An owner consumes a queue from now on. Arguments: the owner, the queue. Answers by twos the fanout exchanges that the
 * queue is bound to, and the routing keys.
 */
export const CONSUME: TransportScript = neutral(
  'consume',
  [],
  `
redis.call('SADD', owned(ARGV[11]), 'c' .. ARGV[12])
redis.call('SREM', owned(ARGV[11]), 'd' .. ARGV[12])
local answer, tail = {}, separator .. ARGV[12]
local declared = redis.call('HGETALL', exchanges)
for at = 1, #declared, 2 do
  if cjson.decode(declared[at + 1]).type == 'fanout' then
    for _, member in ipairs(redis.call('SMEMBERS', binding_prefix .. declared[at])) do
      if string.sub(member, -#tail) == tail then
        answer[#answer + 1] = declared[at]
        answer[#answer + 1] = string.sub(member, 1, string.find(member, separator, 1, true) - 1)
      end
    end
  end
end
return answer
`,
)

/** An owner consumes a queue no more. Arguments: the owner, the queue. Answers 1 where the queue went with it. */
export const CANCEL: TransportScript = neutral('cancel', [DROPPING], 'return let_go(ARGV[11], ARGV[12])')

/** Make due what waits for its time, so much at a time. Arguments: the queue. Answers how many messages that were. */
export const RIPEN: TransportScript = neutral(
  'ripen',
  [PARKING],
  `return ripen_queue(ARGV[11], '+inf', ${String(MAX_MOVES)})`,
)

/** Remove all that waits. Arguments: the queue. Answers how many messages that were. */
export const PURGE: TransportScript = neutral('purge', [DROPPING], 'return purge(ARGV[11])')

/** Likewise, with the queue and its bindings. */
export const DROP: TransportScript = neutral('drop', [DROPPING], 'return drop(ARGV[11])')

function script(name: string, parts: readonly string[], body: string): TransportScript {
  return { name, lua: [HEAD, ...parts, body].join('\n'), whenFull: undefined }
}

/** One that needs no memory that is not taken already. */
function neutral(name: string, parts: readonly string[], body: string): TransportScript {
  const { lua } = script(name, parts, body)
  return { name, lua, whenFull: { name, lua: `#!lua flags=allow-oom\n${lua}` } }
}
