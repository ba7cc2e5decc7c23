/**
 * QueueStore over Redis, with kombu's keys. This is what is sent when; the steps inside of the server are `scripts.ts`,
 * who holds what is `ownership.ts`, how waiting costs nothing `waiting.ts`, how an idle worker gets a message `handover.ts`.
 */
import { ConnectionError } from '../../errors.ts'
import type { RedisArgument, RedisClient, RedisCommand, RedisReply } from '../../driver/redis.ts'
import { QUEUE_EXPIRES_ARGUMENT } from '../../protocol/arguments.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Binding, ExchangeDeclaration, Once, QueueDeclaration, TransportFeatures } from '../transport.ts'
import { StoreLife } from '../virtual/store-life.ts'
import { chooseNew } from '../virtual/marks.ts'
import type { QueueEntry, QueueStore, ReleaseOptions, StoredMessage } from '../virtual/store.ts'
import { Fanout, FanoutHandle } from './fanout.ts'
import { Handover } from './handover.ts'
import type { Keys } from './keys.ts'
import { encodeEntry, storedMessage } from './messages.ts'
import type { Held } from './messages.ts'
import type { QueueOrder } from './options.ts'
import { Ownership } from './ownership.ts'
import { CANCEL, CONSUME, DROP, PURGE, PUT, RELEASE, RIPEN, runScript, TAKE } from './scripts.ts'
import type { TransportScript } from './scripts.ts'
import { Topology } from './topology.ts'
import type { Finding } from './waiting.ts'
import { Waiting } from './waiting.ts'

const FEATURES: TransportFeatures = {
  delayed: true,
  fanout: true,
  priority: 'lowest-first',
  shared: true,
  events: 'fanout',
  transient: true,
  fetches: true,
  once: true,
}

/** A queue that expires is told to live on so often while its messages are taken. */
const RENEWALS_AN_EXPIRY = 4

export interface StoreOptions {
  readonly keys: Keys
  readonly clock: Clock
  readonly logger: Logger
  /** For how long a process that says nothing keeps what it holds, in milliseconds. */
  readonly leaseMs: number
  /** kombu's: for how long a Python worker may hold a message, in milliseconds. */
  readonly visibilityTimeoutMs: number
  /** What the connection is called at the server. Default nothing. */
  readonly clientName: string | undefined
  readonly queueOrder: QueueOrder
  readonly bodyEncoding: 'base64' | 'utf-8'
}

/** A message on its way out. */
interface Outgoing {
  readonly entry: QueueEntry
  readonly envelope: string
}

/** What a take found. */
interface Taken extends Finding {
  readonly messages: StoredMessage[]
}

export class RedisStore implements QueueStore {
  readonly features: TransportFeatures = FEATURES
  readonly closed: Promise<Error | undefined>
  readonly #client: RedisClient
  readonly #options: StoreOptions
  readonly #keys: Keys
  readonly #grammar: readonly string[]
  readonly #topology: Topology
  readonly #fanout: Fanout
  readonly #waiting: Waiting
  readonly #ownership: Ownership
  readonly #handover: Handover
  readonly #life: StoreLife
  /** The queues that are consumed here. */
  readonly #consumed = new Set<string>()
  /** Those of which messages were taken that are not acknowledged. */
  readonly #withoutAck = new Set<string>()
  /** `x-expires` of the queues declared here, in milliseconds. As in kombu, others do not know of it. */
  readonly #expires = new Map<string, number>()
  /** When their keys were last told to live on because something was taken. */
  readonly #renewedMs = new Map<string, number>()
  #lastNumber = 0
  #rounds = 0

  /** The client belongs to the store from now on and is closed with it. */
  constructor(client: RedisClient, options: StoreOptions) {
    const { keys, clock, logger } = options
    this.#client = client
    this.#options = options
    this.#keys = keys
    this.#grammar = keys.grammar
    this.#topology = new Topology(client, keys)
    this.#waiting = new Waiting({ client, keys, clock, logger })
    const wakeAll = (): void => {
      this.#waiting.wakeAll()
    }
    this.#fanout = new Fanout({
      client,
      keys,
      clock,
      onMessage: (queues) => {
        this.#waiting.wake(queues)
      },
    })
    this.#ownership = new Ownership({
      ...options,
      client,
      topology: this.#topology,
      onMessages: wakeAll,
      onLost: (reason) => {
        this.#life.lose(reason)
      },
    })
    this.#handover = new Handover({
      client,
      keys,
      clock,
      logger,
      waiting: this.#waiting,
      ownership: this.#ownership,
      serves: (queue) => this.#handsOver(queue),
      nextNumber: () => (this.#lastNumber += 1),
      onUntaken: (message) => {
        // Where that fails the connection is lost, which is told elsewhere.
        this.releaseMany([message], { redelivered: false }).catch(() => undefined)
      },
      onLost: (reason) => {
        this.#lose(reason)
      },
    })
    this.#life = new StoreLife({
      place: 'Redis',
      logger,
      stop: () => {
        this.#ownership.stop()
        this.#fanout.end()
        this.#handover.end()
        this.#waiting.end()
      },
      giveBack: async () => {
        // First, for what comes after the owner has left belongs to nobody.
        await this.#handover.close()
        await this.#ownership.leave()
      },
      release: () => client.close(),
    })
    this.closed = this.#life.closed
    void client.closed.then((error) => {
      if (error !== undefined) this.#lose(error)
    })
  }

  async declareExchange(exchange: ExchangeDeclaration): Promise<void> {
    this.#life.check()
    await this.#topology.declareExchange(exchange)
  }

  async deleteExchange(name: string): Promise<void> {
    this.#life.check()
    await this.#topology.deleteExchange(name)
  }

  async getExchange(name: string): Promise<ExchangeDeclaration | undefined> {
    this.#life.check()
    return this.#topology.getExchange(name)
  }

  async declareQueue(queue: QueueDeclaration): Promise<void> {
    this.#life.check()
    const expires = queue.arguments?.[QUEUE_EXPIRES_ARGUMENT]
    if (typeof expires === 'number' && expires > 0) this.#expires.set(queue.name, Math.trunc(expires))
    else this.#expires.delete(queue.name)
    const commands: RedisCommand[] = [[queue.autoDelete ? 'SADD' : 'SREM', this.#keys.autoDelete, queue.name]]
    // One that expires unless it is consumed: whoever dies before he consumes it must not leave it and its bindings.
    const isPassing = queue.autoDelete && this.#expires.has(queue.name)
    if (queue.exclusive || isPassing) {
      await this.#ownership.enter()
      const note = `${queue.exclusive ? 'x' : 'd'}${queue.name}`
      commands.push(['SADD', this.#keys.owned(this.#ownership.id), note])
    }
    await this.#client.send(commands)
  }

  async deleteQueue(name: string): Promise<number> {
    this.#life.check()
    await this.#fanout.forget(name)
    await this.#handover.leave(name)
    this.#expires.delete(name)
    this.#renewedMs.delete(name)
    const removed = Number(await this.#run(DROP, [name]))
    await this.#client.send([['SREM', this.#keys.owned(this.#ownership.id), `x${name}`, `c${name}`, `d${name}`]])
    await this.#forgetHeld(name)
    return removed
  }

  async bind(binding: Binding): Promise<void> {
    this.#life.check()
    await this.#topology.bind(binding)
    const { exchange, queue, routingKey } = binding
    if (this.#consumed.has(queue) && this.#topology.isFanout(exchange)) {
      await this.#fanout.listen(queue, exchange, routingKey)
    }
  }

  async unbind(binding: Binding): Promise<void> {
    this.#life.check()
    await this.#topology.unbind(binding)
  }

  async bindings(exchange?: string): Promise<readonly Binding[]> {
    this.#life.check()
    return this.#topology.bindings(exchange)
  }

  async putMany(entries: readonly QueueEntry[]): Promise<void> {
    this.#life.check()
    if (entries.length === 0) return
    const { bodyEncoding } = this.#options
    // The script tells publications apart by key and number: of twins only one is handed to it.
    const { chosen } = chooseNew(entries, () => undefined)
    await this.#put(chosen.map((entry) => ({ entry, envelope: encodeEntry(entry, bodyEncoding) })))
  }

  /** A node of a cluster knows only of those who listen to itself. */
  async tell(entry: QueueEntry): Promise<number | undefined> {
    this.#life.check()
    const [count] = await this.#client.send([this.#publish(entry, encodeEntry(entry, this.#options.bodyEncoding))])
    return this.#client.isCluster ? undefined : Number(count)
  }

  /** A cluster does not count who listens, so it is asked whether anybody is bound. */
  tells(exchange: string): boolean {
    return !this.#client.isCluster && this.#topology.isFanout(exchange)
  }

  async getMany(
    queues: readonly string[],
    max: number,
    options: { readonly noAck: boolean },
  ): Promise<readonly StoredMessage[]> {
    this.#life.check()
    if (max <= 0) return []
    const told = this.#fanout.take(queues, max)
    if (options.noAck) for (const queue of queues) this.#withoutAck.add(queue)
    const handed = options.noAck || told.length === max ? undefined : this.#handover.take(queues)
    if (handed !== undefined) told.push(handed)
    if (told.length === max || this.#isKnownEmpty(queues)) return told
    if (!options.noAck) await this.#ownership.enter()
    const order = this.#ordered(queues)
    const taken = await this.#waiting.observe(order, () => this.#take(order, max - told.length, options.noAck))
    return told.length === 0 ? taken.messages : [...told, ...taken.messages]
  }

  waitForMessages(queues: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.#life.isOver || this.#fanout.has(queues) || this.#handover.has(queues)) return Promise.resolve()
    const waiting = this.#waiting.wait(queues, signal)
    const [queue] = queues
    if (queue === undefined || queues.length > 1 || !this.#handsOver(queue)) return waiting
    this.#handover.awaited(queue)
    return waiting.then(() => {
      this.#handover.unawaited()
    })
  }

  async startConsuming(name: string): Promise<void> {
    this.#life.check()
    await this.#ownership.enter()
    this.#consumed.add(name)
    const bound = await this.#run(CONSUME, [this.#ownership.id, name])
    if (!Array.isArray(bound)) return
    for (let at = 0; at + 1 < bound.length; at += 2) {
      await this.#fanout.listen(name, String(bound[at]), String(bound[at + 1]))
    }
  }

  async stopConsuming(name: string): Promise<void> {
    this.#consumed.delete(name)
    if (this.#life.isOver) return
    await this.#fanout.forget(name)
    const untaken = await this.#handover.leave(name)
    if (untaken.length > 0) await this.releaseMany(untaken, { redelivered: false })
    if ((await this.#run(CANCEL, [this.#ownership.id, name])) === 1) await this.#forgetHeld(name)
  }

  async ackMany(messages: readonly StoredMessage[]): Promise<void> {
    this.#life.check()
    const handed = this.#handover.holds(messages) ? this.#handover.acknowledge() : undefined
    const tags = this.#settle(messages)
    if (tags.length === 0) {
      await handed
      return
    }
    // Perhaps one of them is only now being noted.
    await this.#handover.moved()
    await Promise.all([handed, this.#forgetTags(tags)])
  }

  async releaseMany(messages: readonly StoredMessage[], options: ReleaseOptions): Promise<void> {
    this.#life.check()
    const dueMs = options.dueMs !== undefined && options.dueMs > this.#options.clock.now() ? options.dueMs : undefined
    const told = messages.filter(({ handle }) => handle instanceof FanoutHandle)
    this.#fanout.release(told, options.redelivered, dueMs)
    await (this.#handover.holds(messages) ? this.#handover.move() : this.#handover.moved())
    // The youngest goes back first, so that the oldest is the next to be taken.
    const tags = this.#settle(messages).sort((a, b) => numberOf(b) - numberOf(a))
    const queues = dueMs === undefined ? new Set(messages.map(({ queue }) => queue)) : undefined
    await this.#change(queues, async () => {
      if (tags.length > 0) await this.#run(RELEASE, [options.redelivered ? 1 : 0, dueMs ?? '', ...tags])
    })
  }

  async size(queue: string): Promise<number> {
    this.#life.check()
    const lengths = this.#keys.lists([queue]).map((key) => ['LLEN', key] as const)
    const counts = await this.#client.send([...lengths, ['ZCARD', this.#keys.parked(queue)]])
    return counts.reduce<number>((sum, count) => sum + Number(count), this.#fanout.size(queue))
  }

  async ripen(queue: string): Promise<void> {
    this.#life.check()
    while (Number(await this.#run(RIPEN, [queue])) > 0) this.#waiting.forget()
    this.#waiting.wakeAll()
  }

  async purge(queue: string): Promise<number> {
    this.#life.check()
    return this.#fanout.purge(queue) + Number(await this.#run(PURGE, [queue]))
  }

  close(): Promise<void> {
    return this.#life.close()
  }

  #lose(error: Error): void {
    this.#life.lose(new ConnectionError(error.message, { cause: error }))
  }

  /**
   * Queues that are consumed here with acknowledgement. In one that expires every message must be seen to; a cluster may
   * move its keys, and steps without one for the most urgent have no list to wait for.
   */
  #handsOver(queue: string): boolean {
    if (!this.#consumed.has(queue) || this.#withoutAck.has(queue) || this.#expires.has(queue)) return false
    return !this.#client.isCluster && this.#keys.step(0) === 0
  }

  #run(script: TransportScript, arguments_: readonly RedisArgument[], keys?: readonly string[]): Promise<RedisReply> {
    return runScript(this.#client, script, keys ?? [this.#keys.owners], [...this.#grammar, ...arguments_])
  }

  /** All or none. */
  async #put(messages: readonly Outgoing[]): Promise<void> {
    const nowMs = this.#options.clock.now()
    const told = messages.filter(({ entry }) => this.#topology.isFanout(entry.exchange))
    const listed =
      told.length === 0 ? messages : messages.filter(({ entry }) => !this.#topology.isFanout(entry.exchange))
    const isLate = listed.some(({ entry }) => (entry.dueMs ?? 0) > nowMs)
    await this.#change(isLate ? undefined : new Set(listed.map(({ entry }) => entry.queue)), async () => {
      if (isLate || messages.some(({ entry }) => entry.once !== undefined)) {
        const each = [
          ...listed.flatMap((message) => this.#putArguments(message, nowMs)),
          ...told.flatMap((message) => this.#tellArguments(message)),
        ]
        await this.#run(PUT, [this.#keys.marks, ...each])
        return
      }
      const commands = [...this.#pushes(listed), ...told.map(({ entry, envelope }) => this.#publish(entry, envelope))]
      if (commands.length === 1) await this.#client.send(commands)
      else await this.#client.transaction(commands)
    })
  }

  /** Do something that changes these queues, or, where undefined, what is due: those who wait look again. */
  async #change(queues: ReadonlySet<string> | undefined, work: () => Promise<void>): Promise<void> {
    this.#waiting.forget(queues)
    await work()
    this.#waiting.forget(queues)
    this.#waiting.wake(queues)
  }

  #publish({ exchange, routingKey }: QueueEntry, envelope: string): RedisCommand {
    return ['PUBLISH', this.#keys.channel(exchange, routingKey), envelope]
  }

  #putArguments({ entry: { queue, message, dueMs, once }, envelope }: Outgoing, nowMs: number): RedisArgument[] {
    const isLate = dueMs !== undefined && dueMs > nowMs
    const step = this.#keys.step(message.properties.priority)
    return [queue, step, isLate ? dueMs : '', ...markArguments(once), envelope]
  }

  #tellArguments({ entry: { exchange, routingKey, once }, envelope }: Outgoing): RedisArgument[] {
    return [this.#keys.channel(exchange, routingKey), '', '', ...markArguments(once), envelope]
  }

  #pushes(messages: readonly Outgoing[]): RedisCommand[] {
    const pushes = new Map<string, [string, ...RedisArgument[]]>()
    const queues = new Set<string>()
    for (const { entry, envelope } of messages) {
      const key = this.#keys.list(entry.queue, this.#keys.step(entry.message.properties.priority))
      const push = pushes.get(key)
      if (push === undefined) pushes.set(key, ['LPUSH', key, envelope])
      else push.push(envelope)
      if (this.#expires.has(entry.queue)) queues.add(entry.queue)
    }
    return [...pushes.values(), ...this.#expiries(queues)]
  }

  /** As in kombu, a queue that expires does so key by key, and begins anew whenever it is used. */
  #expiries(queues: Iterable<string>): RedisCommand[] {
    return [...queues].flatMap((queue) => {
      const expiresMs = this.#expires.get(queue)
      if (expiresMs === undefined) return []
      return this.#keys.lists([queue]).map((key) => ['PEXPIRE', key, expiresMs] as const)
    })
  }

  /** Not with every message: often enough that a queue in use does not expire. */
  #queuesToRenew(queues: readonly string[], nowMs: number): string[] {
    return queues.filter((queue) => {
      const expiresMs = this.#expires.get(queue)
      if (expiresMs === undefined || nowMs < (this.#renewedMs.get(queue) ?? 0) + expiresMs / RENEWALS_AN_EXPIRY) {
        return false
      }
      this.#renewedMs.set(queue, nowMs)
      return true
    })
  }

  /** The server would have told of anything in queues that are consumed. Others are asked about each time. */
  #isKnownEmpty(queues: readonly string[]): boolean {
    return queues.every((queue) => this.#consumed.has(queue)) && this.#waiting.isEmpty(queues)
  }

  async #take(queues: readonly string[], max: number, noAck: boolean): Promise<Taken> {
    const nowMs = this.#options.clock.now()
    const first = this.#lastNumber
    this.#lastNumber += max
    const owner = noAck ? '' : this.#ownership.id
    const watched = this.#keys.watched(queues)
    const [answer] = await Promise.all([
      this.#run(TAKE, [owner, nowMs, nowMs / 1000, max, first, ...queues], watched),
      this.#client.send(this.#expiries(this.#queuesToRenew(queues, nowMs))),
    ])
    if (!Array.isArray(answer)) throw this.#ownership.lose()
    const [nextDueMs, empty, ...groups] = answer
    const messages = noAck ? this.#read(queues, groups) : this.#hold(queues, groups, first, nowMs)
    return { messages, empty: empty === 1, nextDueMs: nextDueMs === '' ? undefined : Number(nextDueMs) }
  }

  #read(queues: readonly string[], groups: readonly RedisReply[]): StoredMessage[] {
    const messages: StoredMessage[] = []
    for (const { queue, envelopes } of readGroups(queues, groups)) {
      for (const envelope of envelopes) messages.push(storedMessage(envelope, queue, undefined))
    }
    return messages
  }

  #hold(queues: readonly string[], groups: readonly RedisReply[], first: number, nowMs: number): StoredMessage[] {
    const messages: StoredMessage[] = []
    const { id, held } = this.#ownership
    let number = first
    for (const { queue, step, envelopes } of readGroups(queues, groups)) {
      for (const envelope of envelopes) {
        number += 1
        const handle: Held = { tag: `${id}:${String(number)}:${step}`, queue, notedMs: nowMs }
        held.set(handle.tag, handle)
        messages.push(storedMessage(envelope, queue, handle))
      }
    }
    return messages
  }

  /** Messages of a queue that is gone go with it, as in AMQP: given back, they would make it anew. */
  async #forgetHeld(queue: string): Promise<void> {
    const { held } = this.#ownership
    const tags = [...held.values()].filter((message) => message.queue === queue).map(({ tag }) => tag)
    for (const tag of tags) held.delete(tag)
    await this.#forgetTags(tags)
  }

  async #forgetTags(tags: readonly string[]): Promise<void> {
    if (tags.length === 0) return
    const { unacked, unackedIndex } = this.#keys
    // In this order: a tag without its note is harmless, and whoever finds it removes it.
    await this.#client.send([
      ['HDEL', unacked, ...tags],
      ['ZREM', unackedIndex, ...tags],
    ])
  }

  /** The tags of those messages that are held; they are held no more. */
  #settle(messages: readonly StoredMessage[]): string[] {
    const tags: string[] = []
    for (const { handle } of messages) {
      if (handle === undefined || handle instanceof FanoutHandle) continue
      const { tag } = handle as Held
      if (this.#ownership.held.delete(tag)) tags.push(tag)
    }
    return tags
  }

  /** Another queue comes first each time, so that a long one does not keep the others waiting, unless asked otherwise. */
  #ordered(queues: readonly string[]): readonly string[] {
    const { queueOrder } = this.#options
    if (queueOrder === 'sorted') return [...queues].sort()
    if (queueOrder === 'priority' || queues.length < 2) return queues
    this.#rounds = (this.#rounds + 1) % queues.length
    return [...queues.slice(this.#rounds), ...queues.slice(0, this.#rounds)]
  }
}

interface TakenGroup {
  readonly queue: string
  readonly step: string
  readonly envelopes: readonly string[]
}

function* readGroups(queues: readonly string[], groups: readonly RedisReply[]): Generator<TakenGroup> {
  for (let at = 0; at + 2 < groups.length; at += 3) {
    const queue = queues[Number(groups[at])] ?? ''
    yield { queue, step: String(groups[at + 1]), envelopes: groups[at + 2] as string[] }
  }
}

/** See `PUT`. */
function markArguments(once: Once | undefined): RedisArgument[] {
  return [once?.key ?? '', once?.number ?? '', once?.forMs ?? '']
}

/** The place of a tag among those of its owner. */
function numberOf(tag: string): number {
  return Number(tag.split(':')[1])
}
