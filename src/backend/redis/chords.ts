/**
 * Chords in Redis, with Celery's keys and documents (`celery/backends/redis.py`), so that workers of both languages count
 * the parts of one chord. Celery adds a part to a sorted set by its document, so a task that comes again with another
 * result would count twice; here what the task said before goes. Celery forgets a chord by deleting its keys; here a key
 * of our own remembers that, and who is about to send the body. Python knows nothing of it and needs not: what it adds to
 * a chord whose size is gone is never complete.
 */
import type { RedisArgument, RedisClient, RedisReply, RedisScript } from '../../driver/redis.ts'
import { BackendError, OperationalError } from '../../errors.ts'
import type { Body } from '../../protocol/message.ts'
import type { ChordPart } from '../../protocol/result.ts'
import type { Serializer } from '../../serialization/serializer.ts'
import type { Once } from '../../transport/transport.ts'
import { asError } from '../../util/as-error.ts'
import { TurnBatch } from '../../util/turn.ts'
import { CHORD_CLAIM_MS, CLOSED_CHORD_MS } from '../backend.ts'
import type { ChordProgress, ChordStore, PartReturn, ReturnedHeader, ReturningPart } from '../backend.ts'
import { decodeHeader, encodePartDocument } from '../documents.ts'
import { divide } from './calls.ts'
import { readBodies } from './documents.ts'
import type { ResultKeys } from './keys.ts'

/** In the place of a claim: the body was sent. No claim reads so, for they are ids. */
const CLOSED = 'closed'

const COUNTED: ChordProgress = { kind: 'counted' }

/**
 * KEYS: of each chord its parts, size, added, claim, opened, saved. ARGV: the time to live in milliseconds (0 is for ever), how
 * long a claim holds in milliseconds; then for each chord how many parts come back and by threes the part, its place, and
 * in one text (for it is arguments that cost) the claim and the task's id as it stands at the beginning of the part.
 * Answers for each part 0; the milliseconds for which another one's claim holds; to the one who is to send the body a list
 * of what was saved, when the chord was opened and of all parts; or the text of an error, for one chord that is broken must not stop the others.
 *
 * Parts whose places are free are added in one go. Only where something lies between the first and the last of them is
 * each looked for: it may have come back before.
 */
const RETURN_PARTS: RedisScript = {
  name: 'return parts of chords',
  lua: `
local lifetime, hold = tonumber(ARGV[1]), ARGV[2]
local function open(first)
  local said = redis.call('MGET', unpack(KEYS, first + 1, first + 5))
  local size, added, known = tonumber(said[1]), tonumber(said[2]) or 0, redis.call('ZCARD', KEYS[first])
  local missing = size and size + added - known
  local chord = { parts = KEYS[first], claim = KEYS[first + 3], known = known, missing = missing }
  chord.claimed, chord.opened, chord.saved = said[3], said[4], said[5]
  return chord
end
local function is_free(chord, at, last)
  if chord.known == 0 then return true end
  local least, greatest = math.huge, -math.huge
  for i = at, last, 3 do
    local place = tonumber(ARGV[i + 1])
    if place then least, greatest = math.min(least, place), math.max(greatest, place) end
  end
  return least > greatest or redis.call('ZCOUNT', chord.parts, least, greatest) == 0
end
local function lessen(chord, change)
  chord.missing = chord.missing and chord.missing - change
end
local function add(chord, fresh)
  if #fresh > 0 then lessen(chord, redis.call('ZADD', chord.parts, unpack(fresh))) end
end
local function note(chord, part, place, facts)
  local id = string.match(facts, ' (.*)$')
  for _, known in ipairs(redis.call('ZRANGEBYSCORE', chord.parts, place, place)) do
    if known ~= part and string.find(string.sub(known, 1, #id + 32), id, 1, true) then
      lessen(chord, -redis.call('ZREM', chord.parts, known))
    end
  end
  add(chord, { place, part })
end
local function answer(chord, facts)
  if not chord.missing or chord.missing > 0 then return 0 end
  local claim = string.match(facts, '^%S+')
  if chord.claimed and chord.claimed ~= claim then return math.max(redis.call('PTTL', chord.claim), 1) end
  redis.call('SET', chord.claim, claim, 'PX', hold)
  chord.claimed = claim
  local all = redis.call('ZRANGE', chord.parts, 0, -1)
  table.insert(all, 1, chord.opened)
  table.insert(all, 1, chord.saved)
  return all
end
local function bring(first, at, last)
  local chord, answers = open(first), {}
  local fresh, taken = {}, { ['+inf'] = true }
  local free = is_free(chord, at, last)
  for i = at, last, 3 do
    local part, place, facts = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if chord.claimed == '${CLOSED}' then
      answers[#answers + 1] = 0
    else
      if free and not taken[place] then
        taken[place] = true
        fresh[#fresh + 1], fresh[#fresh + 2] = place, part
      else
        add(chord, fresh)
        fresh = {}
        note(chord, part, place, facts)
      end
      if chord.missing and chord.missing <= #fresh / 2 then
        add(chord, fresh)
        fresh = {}
      end
      answers[#answers + 1] = answer(chord, facts)
    end
  end
  add(chord, fresh)
  -- Size and added have an end of their own, which must only not come before the last part.
  if lifetime > 0 then
    for key = first, chord.claimed and first or first + 2 do redis.call('PEXPIRE', KEYS[key], lifetime) end
  end
  return answers
end
local answers, at = {}, 3
for first = 1, #KEYS, 6 do
  local last = at + 3 * tonumber(ARGV[at])
  local _, said = pcall(bring, first, at + 1, last)
  if type(said) == 'table' and said.err then said = said.err end
  for i = at + 1, last, 3 do answers[#answers + 1] = type(said) == 'table' and said[(i - at + 2) / 3] or said end
  at = last + 1
end
return answers`,
}

/**
 * KEYS: parts, size, added, claim, opened. ARGV: the size, the time to live in milliseconds (0 is for ever). Opened is the
 * server's time in milliseconds, which grows with each time that the chord is opened.
 */
const OPEN_CHORD: RedisScript = {
  name: 'set the size of a chord',
  lua: `
if redis.call('GET', KEYS[4]) == '${CLOSED}' then redis.call('DEL', KEYS[1], KEYS[3], KEYS[4]) end
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for at, value in pairs({ [2] = ARGV[1], [5] = now_ms }) do
  if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[at], value, 'PX', ARGV[2]) else redis.call('SET', KEYS[at], value) end
end
return 0`,
}

/** KEYS: of each chord its claim, parts, size, added, opened. ARGV: how long it is remembered, in milliseconds. */
const CLOSE_CHORDS: RedisScript = {
  name: 'close chords',
  lua: `
for i = 1, #KEYS, 5 do
  redis.call('SET', KEYS[i], '${CLOSED}', 'PX', ARGV[1])
  redis.call('DEL', unpack(KEYS, i + 1, i + 4))
end
return 0`,
}

/** What the chords of a backend need. */
export interface RedisChordParts {
  readonly keys: ResultKeys
  readonly serializer: Serializer
  /** Undefined is for ever. */
  readonly resultExpiresMs: number | undefined
  /** Bodies are published into Redis, where a mark may be forgotten after a time (`CompleteChord.once`). */
  readonly isMarked: boolean
  /** Runs work with a connection, again where that was lost. Rejects with `BackendError`. */
  readonly use: <T>(work: (client: RedisClient) => Promise<T>) => Promise<T>
}

/** The chords of one server. */
export class RedisChordStore implements ChordStore {
  readonly #parts: RedisChordParts
  readonly #returning = new TurnBatch<ReturningPart>((parts) => this.#count(parts))

  constructor(parts: RedisChordParts) {
    this.#parts = parts
  }

  async setChordSize(groupId: string, size: number): Promise<void> {
    await this.#parts.use((client) => {
      const { parts, size: sizeKey, added, claim, opened } = this.#parts.keys.chord(groupId, client.isCluster)
      return client.run(OPEN_CHORD, [parts, sizeKey, added, claim, opened], [size, this.#lifetimeMs])
    })
  }

  async addParts(groupId: string, count: number): Promise<void> {
    await this.#parts.use((client) => {
      const { added } = this.#parts.keys.chord(groupId, client.isCluster)
      const expiry = this.#lifetimeMs === 0 ? [] : [['PEXPIRE', added, this.#lifetimeMs] as const]
      return client.transaction([['INCRBY', added, count], ...expiry])
    })
  }

  encodePart(part: ChordPart): Body {
    return encodePartDocument(this.#parts.serializer, part)
  }

  returnPart(part: ReturningPart): Promise<void> {
    return this.#returning.add([part])
  }

  async closeChords(groupIds: readonly string[]): Promise<void> {
    await this.#parts.use((client) => {
      const keys = groupIds.map((groupId) => {
        const { claim, parts, size, added, opened } = this.#parts.keys.chord(groupId, client.isCluster)
        return [claim, parts, size, added, opened]
      })
      const calls = client.isCluster ? keys : [keys.flat()]
      return Promise.all(calls.map((call) => client.run(CLOSE_CHORDS, call, [this.#closedMs])))
    })
  }

  get #lifetimeMs(): number {
    return Math.ceil(this.#parts.resultExpiresMs ?? 0)
  }

  /** For how long it is remembered that a body was sent. */
  get #closedMs(): number {
    return Math.ceil(Math.min(this.#parts.resultExpiresMs ?? Infinity, CLOSED_CHORD_MS))
  }

  /** Text is read as text, which is cheaper. */
  get #bytes(): boolean {
    return this.#parts.serializer.contentEncoding !== 'utf-8'
  }

  /** Never rejects. */
  async #count(parts: readonly ReturningPart[]): Promise<void> {
    for (const part of parts) part.progress = undefined
    try {
      const calls = divide(parts, ({ body }) => body.length)
      await this.#parts.use((client) => Promise.all(calls.map((call) => this.#call(client, call))))
    } catch (error) {
      for (const part of parts) part.progress ??= asError(error)
    }
  }

  async #call(client: RedisClient, parts: readonly ReturningPart[]): Promise<void> {
    const chords = groupByChord(parts)
    const groupIds = [...chords.keys()]
    if (client.isCluster && chords.size > 1) {
      // They lie on different nodes, and a script works on one of them.
      await Promise.all([...chords.values()].map((each) => this.#call(client, each)))
      return
    }
    const { serializer, keys } = this.#parts
    const names = groupIds.flatMap((groupId) => {
      const { parts: list, size, added, claim, opened, saved } = keys.chord(groupId, client.isCluster)
      return [list, size, added, claim, opened, saved]
    })
    const args: RedisArgument[] = [this.#lifetimeMs, CHORD_CLAIM_MS]
    for (const some of chords.values()) {
      args.push(some.length)
      for (const part of some) args.push(part.body, placeOf(part), factsOf(part, serializer))
    }
    const reply = await client.run(RETURN_PARTS, names, args, { bytes: this.#bytes })
    const replies = Array.isArray(reply) ? reply : []
    const isElsewhere = client.isCluster && replies.some(Array.isArray)
    const [saved] = isElsewhere
      ? await readBodies(
          client,
          groupIds.map((groupId) => keys.group(groupId)),
          this.#bytes,
        )
      : []
    const answered = [...chords.values()].flat()
    for (const [index, part] of answered.entries()) part.progress = this.#read(part.groupId, replies[index], saved)
  }

  #read(groupId: string, reply: RedisReply | undefined, savedElsewhere: Body | undefined): ChordProgress | Error {
    if (reply === 0) return COUNTED
    if (typeof reply === 'number') return { kind: 'claimed', againMs: reply }
    if (!Array.isArray(reply)) {
      const reason = `A part of the chord ${groupId} could not be counted: ${String(reply)}`
      return new BackendError(reason, { cause: new OperationalError(reason) })
    }
    const [saved, opened, ...parts] = reply as [Body | null, Body | null, ...Body[]]
    const { serializer, isMarked } = this.#parts
    const read = (): ReturnedHeader => decodeHeader(serializer, groupId, parts, saved ?? savedElsewhere)
    // Who opens a chord in Python does not say when: opened once more, its body would be left out.
    if (!isMarked || opened === null) return { kind: 'complete', read }
    const once: Once = { key: `chord ${groupId}`, number: Number(opened), forMs: this.#closedMs }
    return { kind: 'complete', read, once }
  }
}

/** Other serializers have no mark around a text that is the same in all their forms. */
function idInPart(serializer: Serializer, taskId: string): string {
  return serializer.name === 'json' ? JSON.stringify(taskId) : taskId
}

/** As `RETURN_PARTS` has them: those of one chord together. */
function groupByChord(parts: readonly ReturningPart[]): Map<string, ReturningPart[]> {
  const chords = new Map<string, ReturningPart[]>()
  for (const part of parts) {
    const others = chords.get(part.groupId)
    if (others === undefined) chords.set(part.groupId, [part])
    else others.push(part)
  }
  return chords
}

function placeOf({ index }: PartReturn): string {
  return String(index ?? '+inf')
}

function factsOf({ claim, taskId }: PartReturn, serializer: Serializer): string {
  return `${claim} ${idInPart(serializer, taskId)}`
}
