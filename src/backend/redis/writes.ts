/**
 * Writes documents: those of one turn of the event loop in one round trip, each together with its publication to those
 * who wait. A stored SUCCESS stays, as with Celery, which reads before it writes; here the server writes at once where
 * there is nothing yet, and only otherwise answers what there is.
 */
import type { RedisArgument, RedisClient, RedisReply, RedisScript } from '../../driver/redis.ts'
import { BackendStoreError, OperationalError } from '../../errors.ts'
import type { Body } from '../../protocol/message.ts'
import { SUCCESS } from '../../protocol/states.ts'
import type { TaskState } from '../../protocol/states.ts'
import { TurnBatch } from '../../util/turn.ts'
import type { EncodedResult, StoringResult } from '../backend.ts'
import { divide } from './calls.ts'
import type { ResultKeys } from './keys.ts'
import type { Session } from './session.ts'

/**
 * KEYS: the documents' keys. ARGV: their time to live in milliseconds (0 is for ever), then for each key the document,
 * the one that it may replace (empty: none), and the channel of the caller who listens for it (empty: none), who is told
 * the key, a line's end and the document. Answers for each key 0, or the document that is there instead, or the text
 * of an error in a list.
 */
const STORE: RedisScript = {
  name: 'store results',
  lua: `
local lifetime = tonumber(ARGV[1])
local answers = {}
local function set(key, body, condition)
  if lifetime > 0 then return redis.pcall('SET', key, body, condition, 'PX', lifetime) end
  return redis.pcall('SET', key, body, condition)
end
local function store(key, body, expected)
  -- Most find nothing there, and so ask only once.
  local done = set(key, body, 'NX')
  if done then return done end
  local stored = redis.pcall('GET', key)
  if type(stored) == 'table' then return stored end
  if stored == expected then return set(key, body, 'XX') end
  return stored
end
for i, key in ipairs(KEYS) do
  local body, expected, reply = ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local done = store(key, body, expected)
  if type(done) == 'string' then
    answers[i] = done
  elseif done.err then
    answers[i] = {done.err}
  else
    redis.call('PUBLISH', key, body)
    -- A user who may not publish there must not lose the document.
    if reply ~= '' then redis.pcall('PUBLISH', reply, key .. '\\n' .. body) end
    answers[i] = 0
  end
end
return answers`,
}

/** Redis keeps no longer value, and Celery refuses it with the same words. */
const MAX_BODY_BYTES = 512 * 1024 * 1024

const NONE: readonly StoringResult[] = []

export interface WritesParts {
  readonly session: Session
  readonly keys: ResultKeys
  /** Undefined is for ever. */
  readonly lifetimeMs: number | undefined
  /** The state that a stored document says; undefined where it cannot be read. */
  readonly stateOf: (taskId: string, body: Body) => TaskState | undefined
}

/** The document of one task. */
interface Write {
  readonly storing: StoringResult
  /** What else was to be written of the task in the same turn: it stands and falls with this. */
  readonly others: readonly StoringResult[]
  /** What it may replace. */
  readonly expected: Body
}

/** All writes of one backend. */
export class Writes {
  readonly #parts: WritesParts
  readonly #turn = new TurnBatch<StoringResult>((storings) => this.#flush(storings))
  /** Writes that met a document: later ones of the same tasks must not overtake them. */
  #replacing: Promise<void> = Promise.resolve()
  #isReplacing = false
  readonly #underWay = new Set<Promise<void>>()

  constructor(parts: WritesParts) {
    this.#parts = parts
  }

  /** See `ResultBackend.storeResult`. */
  store(storing: StoringResult): Promise<void> {
    if (Buffer.byteLength(storing.result.body) > MAX_BODY_BYTES) {
      storing.error = fail(storing.result, 'value too large for the Redis backend')
      return Promise.resolve()
    }
    return this.#turn.add([storing])
  }

  /** Resolves when everything that was asked for before is done, well or not. */
  async finish(): Promise<void> {
    await this.#turn.flush()
    await Promise.all(this.#underWay)
  }

  /** Never rejects. */
  #flush(storings: readonly StoringResult[]): Promise<void> {
    const storing = this.#storeAll(lastOfEach(storings))
    this.#underWay.add(storing)
    return storing.finally(() => this.#underWay.delete(storing))
  }

  async #storeAll(writes: readonly Write[]): Promise<void> {
    if (this.#isReplacing) await this.#replacing
    const refused = await this.#store(writes)
    if (refused.length === 0) return
    this.#isReplacing = true
    const replacing = this.#replacing.then(() => this.#replace(refused))
    this.#replacing = replacing
    await replacing
    if (this.#replacing === replacing) this.#isReplacing = false
  }

  /** Until nobody else has written meanwhile. */
  async #replace(refused: readonly Write[]): Promise<void> {
    for (let rest = refused; rest.length > 0;) rest = await this.#store(rest)
  }

  /** Answers the writes that met a document that they may replace. */
  async #store(writes: readonly Write[]): Promise<Write[]> {
    const calls = divide(writes, ({ storing, expected }) => storing.result.body.length + expected.length)
    try {
      const replies = await this.#parts.session.use((client) =>
        Promise.all(
          (client.isCluster ? writes.map((write) => [write]) : calls).map((call) => this.#call(client, call)),
        ),
      )
      return this.#settle(writes, replies.flat())
    } catch (error) {
      for (const write of writes) giveUp(write, error)
      return []
    }
  }

  async #call(client: RedisClient, writes: readonly Write[]): Promise<RedisReply[]> {
    const keys = writes.map(({ storing }) => this.#parts.keys.task(storing.result.taskId))
    const args: RedisArgument[] = [Math.ceil(this.#parts.lifetimeMs ?? 0)]
    for (const { storing, expected } of writes) {
      const reply = this.#parts.keys.reply(storing.to?.reply_to) ?? ''
      args.push(storing.result.body, expected, reply)
    }
    const reply = await client.run(STORE, keys, args, { bytes: true })
    return Array.isArray(reply) ? reply : []
  }

  /** Note what could not be stored; answer the writes that met what they may replace, with that. */
  #settle(writes: readonly Write[], replies: readonly RedisReply[]): Write[] {
    const refused: Write[] = []
    let index = 0
    for (const write of writes) {
      const reply = replies[index++]
      if (reply === 0) continue
      const { result } = write.storing
      if (!Buffer.isBuffer(reply)) {
        giveUp(write, new OperationalError(Array.isArray(reply) ? String(reply[0]) : 'the server did not answer'))
      } else if (!isSame(result.body, reply) && this.#mayReplace(result.taskId, reply)) {
        refused.push({ ...write, expected: reply })
      }
    }
    return refused
  }

  #mayReplace(taskId: string, stored: Buffer): boolean {
    return this.#parts.stateOf(taskId, stored) !== SUCCESS
  }
}

/** Of one task only the last document counts, or the first SUCCESS: one write for each. */
function lastOfEach(storings: readonly StoringResult[]): Write[] {
  // Where all are successes, as most often, the server itself keeps the first of a task.
  if (storings.every(({ result }) => result.status === SUCCESS)) {
    return storings.map((storing) => ({ storing, others: NONE, expected: '' }))
  }
  const byTask = new Map<string, Write>()
  for (const storing of storings) {
    const { taskId } = storing.result
    const before = byTask.get(taskId)
    byTask.set(taskId, before === undefined ? { storing, others: NONE, expected: '' } : lastOf(before, storing))
  }
  return [...byTask.values()]
}

function lastOf(before: Write, next: StoringResult): Write {
  const { storing, others } = before
  if (storing.result.status === SUCCESS) return { ...before, others: [...others, next] }
  return { ...before, storing: next, others: [...others, storing] }
}

function giveUp({ storing, others }: Write, reason: unknown): void {
  storing.error = fail(storing.result, reason)
  for (const other of others) other.error = storing.error
}

/** It is there already: written by an attempt of which the reply was lost. */
function isSame(body: Body, stored: Buffer): boolean {
  return stored.equals(typeof body === 'string' ? Buffer.from(body) : body)
}

function fail({ taskId, status }: EncodedResult, reason: unknown): BackendStoreError {
  const text = reason instanceof Error ? reason.message : String(reason)
  const options = reason instanceof Error ? { cause: reason } : undefined
  return new BackendStoreError(`The result of task ${taskId} could not be stored: ${text}`, taskId, status, options)
}
