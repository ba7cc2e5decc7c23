/**
 * This store as an owner of messages: it enters when it first takes something, says from time to time that it is there,
 * and leaves. With each word it looks after the others: what the dead held goes back, and what a Python worker has held
 * for longer than kombu's visibility timeout (`overdue.ts`).
 */
import { randomBytes } from 'node:crypto'
import { ConnectionError } from '../../errors.ts'
import type { RedisArgument, RedisClient, RedisReply } from '../../driver/redis.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Keys } from './keys.ts'
import type { Held } from './messages.ts'
import { recoverOverdue } from './overdue.ts'
import { BURY, ENTER, runScript, TEND } from './scripts.ts'
import type { TransportScript } from './scripts.ts'
import type { Topology } from './topology.ts'

/**
 * A lease in six parts: with each of them a word is sent, and after four without a word an owner whose connection is gone
 * is dead, so that the next word of somebody else still falls into the lease.
 */
const LEASE_PARTS = 6
const PARTS_UNTIL_LATE = 4
/**
 * One that is silent and still connected may only be busy: a task that computes keeps the event loop from saying
 * anything. After so many leases it is dead all the same: its machine may be gone, which the server does not notice.
 */
const LEASES_UNTIL_DEAD = 3
/** Now and then those who wait look for themselves, should the server have failed to tell. */
const WORDS_UNTIL_LOOK = 12
/** Notes are renewed that are as old as this, so that Python's restore, which looks at their age, finds none of ours. */
const RENEW_AFTER_MS = 60_000
/** ... or a part of the visibility timeout, where that is short. */
const RENEWALS_A_TIMEOUT = 4

/** Where a lease is long, a command waits no longer at the server than this. */
const MAX_BLOCK_MS = 5_000

/** So many notes are renewed in one go. */
const MAX_RENEWALS = 1000

export interface OwnershipParts {
  readonly client: RedisClient
  readonly keys: Keys
  readonly topology: Topology
  readonly clock: Clock
  readonly logger: Logger
  readonly leaseMs: number
  readonly visibilityTimeoutMs: number
  /** What the connection is called at the server; the owner's id is added. */
  readonly clientName: string | undefined
  /** Called when messages may have come back, or be due. */
  readonly onMessages: () => void
  /** Called once, when all that was held has been given to others. */
  readonly onLost: (reason: ConnectionError) => void
}

export class Ownership {
  /** Short, because it stands in every tag. */
  readonly id: string = `celeriac-${randomBytes(9).toString('base64url')}`
  /** What was taken and not settled, by tag. */
  readonly held: Map<string, Held> = new Map<string, Held>()
  readonly #parts: OwnershipParts
  readonly #partMs: number
  readonly #renewAfterMs: number
  #entering: Promise<void> | undefined
  #tending: Promise<void> | undefined
  #timer: Timer | undefined
  #words = 0
  /** When the server last took a word of this owner. */
  #heardMs = -Infinity
  #ended = false

  constructor(parts: OwnershipParts) {
    this.#parts = parts
    this.#partMs = parts.leaseMs / LEASE_PARTS
    this.#renewAfterMs = Math.min(RENEW_AFTER_MS, parts.visibilityTimeoutMs / RENEWALS_A_TIMEOUT)
  }

  /** Be an owner, from now on at the latest. */
  enter(): Promise<void> {
    this.#entering ??= this.#enter()
    return this.#entering
  }

  /** What the connections of this owner are called at the server. */
  get connectionName(): string {
    const { clientName } = this.#parts
    return clientName === undefined ? this.id : `${clientName}:${this.id}`
  }

  /** How long a command that brings messages to this owner may wait at the server: it must not outlive the owner. */
  get blockMs(): number {
    return Math.min(Math.ceil(this.#partMs), MAX_BLOCK_MS)
  }

  /** Was a word of this owner taken so lately that nobody buries it before such a command has ended? */
  get isHeardOf(): boolean {
    return this.#parts.clock.monotonic() - this.#heardMs < this.#lateMs / 2
  }

  /** The error of an owner that was taken for dead. */
  lose(): ConnectionError {
    const reason = new ConnectionError(
      'This process was not heard of for too long, so what it had taken from Redis was given to others ' +
        `(the option lease is ${String(this.#parts.leaseMs / 1000)} seconds)`,
    )
    this.#parts.onLost(reason)
    return reason
  }

  /** Say no more. */
  stop(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  /** Give back all that is held, and be no owner any more. */
  async leave(): Promise<void> {
    this.stop()
    if (this.#entering === undefined) return
    await this.#entering
    await this.#tending
    await this.#bury(this.id, false)
    this.held.clear()
  }

  async #enter(): Promise<void> {
    const sentMs = this.#parts.clock.monotonic()
    await this.#run(ENTER, [this.id, this.#lateMs])
    this.#heardMs = sentMs
    await this.#tellName()
    this.#setTimer(0)
  }

  /** For others who want to know whether this connection lives. Where that is forbidden, silence alone counts. */
  async #tellName(): Promise<void> {
    await this.#parts.client.send([['CLIENT', 'SETNAME', this.connectionName]]).catch(() => undefined)
  }

  /** After so long without a word an owner is late. */
  get #lateMs(): number {
    return Math.ceil(this.#partMs * PARTS_UNTIL_LATE)
  }

  #setTimer(delayMs: number): void {
    if (this.#ended) return
    const tend = (): void => {
      this.#tending = this.#tend()
    }
    this.#timer = this.#parts.clock.after(delayMs, tend, { unref: true })
  }

  async #tend(): Promise<void> {
    let more = false
    try {
      more = await this.#tendOnce()
    } catch (error) {
      // A connection that is lost is reported by the store.
      if (!this.#ended) this.#parts.logger.warning('Looking after the messages in Redis failed', { error })
    }
    this.#setTimer(more ? 0 : this.#partMs)
  }

  /** Answers whether there is more to do at once. */
  async #tendOnce(): Promise<boolean> {
    const { clock, visibilityTimeoutMs } = this.#parts
    const nowMs = clock.now()
    const sentMs = clock.monotonic()
    const overdue = (nowMs - visibilityTimeoutMs) / 1000
    const renewals = this.#renewals(nowMs)
    const tags = renewals.map(({ tag }) => tag)
    const answer = await this.#run(TEND, [this.id, this.#lateMs, nowMs, nowMs / 1000, overdue, ...tags])
    if (this.#ended) return false
    if (!Array.isArray(answer)) {
      this.lose()
      return false
    }
    this.#heardMs = sentMs
    for (const held of renewals) held.notedMs = nowMs
    const [moved, silent, notes] = answer
    const buried = await this.#buryDead(texts(silent))
    const recovered = await recoverOverdue(this.#parts, texts(notes), nowMs)
    this.#words += 1
    const more = Number(moved) + buried + recovered > 0
    if (more || this.#words % WORDS_UNTIL_LOOK === 0) this.#parts.onMessages()
    return more || renewals.length === MAX_RENEWALS
  }

  /** `silent` has owners and for how long they were silent, by turns. Answers how many messages came back. */
  async #buryDead(silent: readonly string[]): Promise<number> {
    if (silent.length === 0) return 0
    const connected = await this.#listConnected()
    let count = 0
    for (let at = 0; at + 1 < silent.length; at += 2) {
      const owner = silent[at] ?? ''
      const mayLive = Number(silent[at + 1]) < this.#parts.leaseMs * LEASES_UNTIL_DEAD && connected.includes(owner)
      if (mayLive || this.#ended) continue
      await this.#disconnect(owner, connected)
      const restored = await this.#bury(owner, true)
      this.#parts.logger.info(`Took ${String(restored)} messages back from a worker that is gone`)
      count += restored
    }
    return count
  }

  /** A text in which the names of all connections are. Empty where it cannot be had: then none is known to live. */
  async #listConnected(): Promise<string> {
    if (this.#parts.client.isCluster) return ''
    const [list] = await this.#parts.client.send([['CLIENT', 'LIST']]).catch(() => [])
    return typeof list === 'string' ? list : ''
  }

  /** What still waits at the server in its name must not bring it a message once it is buried. */
  async #disconnect(owner: string, connected: string): Promise<void> {
    const lines = connected.split('\n').filter((line) => line.includes(owner))
    const kills = lines.map((line) => ['CLIENT', 'KILL', 'ID', /^id=(\d+) /.exec(line)?.[1] ?? 0] as const)
    // Where that is forbidden, it has ended by itself all the same.
    await this.#parts.client.send(kills).catch(() => undefined)
  }

  /** Answers how many messages came back. */
  async #bury(owner: string, mustBeSilent: boolean): Promise<number> {
    let count = 0
    let isDone = false
    while (!isDone) {
      const answer = await this.#run(BURY, [owner, mustBeSilent ? 1 : 0])
      const [restored, done] = Array.isArray(answer) ? answer : []
      count += Number(restored ?? 0)
      isDone = done !== 0
    }
    return count
  }

  #renewals(nowMs: number): Held[] {
    const renewals: Held[] = []
    for (const held of this.held.values()) {
      if (nowMs - held.notedMs < this.#renewAfterMs) continue
      renewals.push(held)
      if (renewals.length === MAX_RENEWALS) break
    }
    return renewals
  }

  #run(script: TransportScript, arguments_: readonly RedisArgument[]): Promise<RedisReply> {
    const { client, keys } = this.#parts
    return runScript(client, script, [keys.owners], [...keys.grammar, ...arguments_])
  }
}

function texts(reply: RedisReply | undefined): string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}
