/**
 * `amqp://`: RabbitMQ keeps messages and nothing else. Who leads is whoever has an exclusive queue, which goes with its
 * connection; where entries stand lies in a file (`amqp/file.ts`), so that beats on several machines have one each.
 */
import type { EntryDefinition } from '../../app/entry.ts'
import { BrokerConnection } from '../../messaging/connection.ts'
import { isChannelError } from '../../messaging/failure.ts'
import type { Connection } from '../../transport/transport.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { maskPassword } from '../../util/url.ts'
import { decodeStored, encodeEntry } from '../document.ts'
import type { EntryState } from '../entry.ts'
import type { BeatStore, BeatStoreContext, BeatStoreFactory, Leadership, StoredTimetable } from '../store.ts'
import { TimetableFile } from './amqp/file.ts'
import { lockQueue } from './amqp/keys.ts'

/** A beat that does not move any more is noticed by its silence, in seconds: its connection ends after two of these. */
const HEARTBEAT = 2

export const amqpBeatStore: BeatStoreFactory = {
  name: 'amqp',
  async open(url: string, { scope, broker, filename }: BeatStoreContext): Promise<BeatStore> {
    const { context } = broker
    const file = new TimetableFile({ filename, clock: context.clock, logger: context.logger })
    // What is wrong with it is said now.
    file.read()
    const settings = { ...context.settings, heartbeat: HEARTBEAT }
    const connect = (): BrokerConnection =>
      new BrokerConnection({ ...broker, urls: url, maxRetries: 0, context: { ...context, settings } })
    return new AmqpBeatStore({ scope, file, connect, clock: context.clock, displayUrl: maskPassword(url) })
  },
}

interface StoreParts {
  readonly scope: string
  readonly file: TimetableFile
  /** A connection that nobody else uses: the right to lead ends with it. */
  readonly connect: () => BrokerConnection
  readonly clock: Clock
  readonly displayUrl: string
}

/** The right to lead, and the connection that it hangs on. */
interface Lead {
  readonly token: number
  readonly connection: Connection
  /** Ends it where it is not renewed. */
  timer: Timer
}

class AmqpBeatStore implements BeatStore {
  readonly displayUrl: string
  readonly #parts: StoreParts
  #broker: BrokerConnection
  #lead: Lead | undefined
  #isClosed = false

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.#broker = parts.connect()
    this.displayUrl = parts.displayUrl
  }

  async load(): Promise<StoredTimetable> {
    const { entries } = this.#parts.file.read()
    return {
      version: entries.version,
      entries: entries.records.map(({ definition, ...record }) => ({ ...record, ...decodeStored(definition) })),
    }
  }

  async saveStates(leadership: Leadership, states: readonly EntryState[]): Promise<boolean> {
    if (this.#leading(leadership) === undefined) return false
    await this.#parts.file.change(({ entries }) => {
      entries.save(states)
    })
    return true
  }

  async putEntry(definition: EntryDefinition): Promise<void> {
    const text = encodeEntry(definition)
    await this.#parts.file.change(({ entries }) => {
      entries.put(definition.name, text)
    })
  }

  async removeEntries(names: readonly string[]): Promise<void> {
    await this.#parts.file.change(({ entries }) => {
      entries.remove(names)
    })
  }

  async pause(name: string): Promise<void> {
    await this.#parts.file.change(({ entries }) => {
      entries.pause(name)
    })
  }

  async resume(name: string, nowMs: number): Promise<void> {
    await this.#parts.file.change(({ entries }) => {
      entries.resume(name, nowMs)
    })
  }

  async acquire(ttlMs: number): Promise<Leadership | undefined> {
    if (this.#lead !== undefined) return undefined
    const connection = await this.#broker.ensure()
    if (!(await this.#holdQueue())) return undefined
    const token = await this.#parts.file.change((contents) => (contents.token += 1))
    this.#lead = { token, connection, timer: this.#endAfter(ttlMs) }
    void connection.closed.then(() => {
      if (this.#lead?.connection === connection) this.#forget()
    })
    return { token }
  }

  async renew(leadership: Leadership, ttlMs: number): Promise<number | undefined> {
    const lead = this.#leading(leadership)
    if (lead === undefined) return undefined
    lead.timer.cancel()
    lead.timer = this.#endAfter(ttlMs)
    return this.#parts.file.read().entries.version
  }

  async release(leadership: Leadership): Promise<void> {
    if (this.#leading(leadership) !== undefined) await this.#disconnect()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#forget()
    await this.#broker.close()
  }

  #leading({ token }: Leadership): Lead | undefined {
    const lead = this.#lead
    return lead?.token === token && this.#broker.current === lead.connection ? lead : undefined
  }

  /** Answers false where another connection has it. */
  async #holdQueue(): Promise<boolean> {
    const queue = { name: lockQueue(this.#parts.scope), durable: false, exclusive: true, autoDelete: false }
    try {
      await this.#broker.withChannel((channel) => channel.queueDeclare(queue))
      return true
    } catch (error) {
      if (isChannelError(error)) return false
      throw error
    }
  }

  #endAfter(ttlMs: number): Timer {
    return this.#parts.clock.after(ttlMs, () => void this.#disconnect(), { unref: true })
  }

  #forget(): void {
    this.#lead?.timer.cancel()
    this.#lead = undefined
  }

  /** The queue goes with its connection, whatever has become of that. */
  async #disconnect(): Promise<void> {
    this.#forget()
    const old = this.#broker
    if (!this.#isClosed) this.#broker = this.#parts.connect()
    await old.close()
  }
}
