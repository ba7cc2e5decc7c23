/**
 * Writes documents: those of one turn of the event loop in one round trip, each together with its publication to those
 * who wait. A stored SUCCESS stays, as with Celery, which reads before it writes; here the server writes at once where
 * there is nothing yet, and only otherwise answers what there is.
 */
import type { RedisArgument, RedisClient, RedisReply, RedisScript } from '../../driver/redis.ts'
import { BackendStoreError, OperationalError } from '../../errors.ts'
import type { Body } from '../../protocol/message.ts'
import type { ResultAddress } from '../../protocol/reply.ts'
import { SUCCESS } from '../../protocol/states.ts'
import type { TaskState } from '../../protocol/states.ts'
import { deferred } from '../../util/deferred.ts'
import type { Deferred } from '../../util/deferred.ts'
import { TurnBatch } from '../../util/turn.ts'
import type { EncodedResult } from '../backend.ts'
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
for i, key in ipairs(KEYS) do
  local body, expected, reply = ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local stored = redis.pcall('GET', key)
  if type(stored) == 'table' then
    answers[i] = {stored.err}
  elseif stored == false or stored == expected then
    local done
    if lifetime > 0 then done = redis.pcall('SET', key, body, 'PX', lifetime) else done = redis.pcall('SET', key, body) end
    if done.err then
      answers[i] = {done.err}
    else
      redis.call('PUBLISH', key, body)
      -- A user who may not publish there must not lose the document.
      if reply ~= '' then redis.pcall('PUBLISH', reply, key .. '\\n' .. body) end
      answers[i] = 0
    end
  else
    answers[i] = stored
  end
end
return answers`,
}

/** Redis keeps no longer value, and Celery refuses it with the same words. */
const MAX_BODY_BYTES = 512 * 1024 * 1024

export interface WritesParts {
  readonly session: Session
  readonly keys: ResultKeys
  /** Undefined is for ever. */
  readonly lifetimeMs: number | undefined
  /** The state that a stored document says; undefined where it cannot be read. */
  readonly stateOf: (taskId: string, body: Body) => TaskState | undefined
}

/** The document of one task, and who waits for it to be written. */
interface Write {
  readonly result: EncodedResult
  readonly waiting: readonly Deferred<void>[]
  /** The channel of the caller who listens for it; empty where nobody does. */
  readonly reply: string
  /** What it may replace. */
  readonly expected: Body
}

/** All writes of one backend. */
export class Writes {
  readonly #parts: WritesParts
  readonly #turn = new TurnBatch<Write>((writes) => this.#flush(writes))
  /** Writes that met a document: later ones of the same tasks must not overtake them. */
  #replacing: Promise<void> = Promise.resolve()
  #isReplacing = false
  readonly #underWay = new Set<Promise<void>>()

  constructor(parts: WritesParts) {
    this.#parts = parts
  }

  /** See `ResultBackend.storeResult`. */
  store(result: EncodedResult, to?: ResultAddress): Promise<void> {
    if (Buffer.byteLength(result.body) > MAX_BODY_BYTES) {
      return Promise.reject(fail(result, 'value too large for the Redis backend'))
    }
    const waiting: Deferred<void> = deferred()
    void this.#turn.add([
      { result, waiting: [waiting], reply: this.#parts.keys.reply(to?.reply_to) ?? '', expected: '' },
    ])
    return waiting.promise
  }

  /** Resolves when everything that was asked for before is done, well or not. */
  async finish(): Promise<void> {
    await this.#turn.flush()
    await Promise.all(this.#underWay)
  }

  /** Never rejects. */
  #flush(writes: readonly Write[]): Promise<void> {
    const storing = this.#storeAll(lastOfEach(writes))
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
    const calls = divide(writes, ({ result, expected }) => result.body.length + expected.length)
    try {
      const replies = await this.#parts.session.use((client) =>
        Promise.all(
          (client.isCluster ? writes.map((write) => [write]) : calls).map((call) => this.#call(client, call)),
        ),
      )
      return replies.flat().flatMap((reply, index) => this.#settle(writes[index] as Write, reply))
    } catch (error) {
      for (const { result, waiting } of writes) for (const one of waiting) one.reject(fail(result, error))
      return []
    }
  }

  async #call(client: RedisClient, writes: readonly Write[]): Promise<RedisReply[]> {
    const keys = writes.map(({ result }) => this.#parts.keys.task(result.taskId))
    const args: RedisArgument[] = [Math.ceil(this.#parts.lifetimeMs ?? 0)]
    for (const { result, expected, reply } of writes) args.push(result.body, expected, reply)
    const reply = await client.run(STORE, keys, args, { bytes: true })
    return Array.isArray(reply) ? reply : []
  }

  /** Tell those who wait; or answer the write with what it may replace. */
  #settle(write: Write, reply: RedisReply): Write[] {
    const { result, waiting } = write
    if (Array.isArray(reply)) {
      const error = new OperationalError(String(reply[0]))
      for (const one of waiting) one.reject(fail(result, error))
      return []
    }
    if (Buffer.isBuffer(reply) && !isSame(result.body, reply) && this.#mayReplace(result.taskId, reply)) {
      return [{ ...write, expected: reply }]
    }
    for (const one of waiting) one.resolve()
    return []
  }

  #mayReplace(taskId: string, stored: Buffer): boolean {
    return this.#parts.stateOf(taskId, stored) !== SUCCESS
  }
}

/** Of one task only the last document counts, or the first SUCCESS: one write for each. */
function lastOfEach(writes: readonly Write[]): Write[] {
  const byTask = new Map<string, Write>()
  for (const write of writes) {
    const { taskId } = write.result
    const before = byTask.get(taskId)
    const { result } = before?.result.status === SUCCESS ? before : write
    byTask.set(
      taskId,
      before === undefined ? write : { ...write, result, waiting: [...before.waiting, ...write.waiting] },
    )
  }
  return [...byTask.values()]
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
