/**
 * Consumes the reply queue of one process, on one connection after the other. It is in one of these states:
 *
 * 1. *idle*: nobody has asked yet, or the connection was lost and nobody waits.
 * 2. *opening*: connects, declares the queue and consumes; tries again as long as the broker connection does.
 * 3. *open*: messages come, and are acknowledged when they are taken.
 * 4. *stopped*.
 *
 * What a message says is the inbox's matter.
 */
import { ConnectionError } from '../../errors.ts'
import type { BrokerConnection } from '../../messaging/connection.ts'
import { Consumer } from '../../messaging/consumer.ts'
import type { IncomingMessage } from '../../messaging/consumer.ts'
import { isOperational } from '../../messaging/failure.ts'
import type { Queue } from '../../messaging/queue.ts'
import type { Message } from '../../protocol/message.ts'
import { encodeMark, readMark } from '../../protocol/reply.ts'
import type { Channel, Connection } from '../../transport/transport.ts'
import { asError } from '../../util/as-error.ts'
import { pause, waitBefore } from '../../util/backoff.ts'
import type { GrowingWait } from '../../util/backoff.ts'
import type { Clock } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'
import type { Deferred } from '../../util/deferred.ts'
import type { Logger } from '../../util/logger.ts'
import { TurnBatch } from '../../util/turn.ts'
import { uuid7 } from '../../util/uuid.ts'

export interface ReaderParts {
  /** Its own: it is closed with the reader. */
  readonly broker: BrokerConnection
  readonly queue: Queue
  readonly logger: Logger
  readonly clock: Clock
  /** Takes a message. Must not throw. */
  readonly onReply: (message: Message) => void
  /** Does anybody wait for replies? When the connection is lost, another one is made only then. */
  readonly isAwaited: () => boolean
  /** No connection can be had any more, for now. */
  readonly onFailed: (error: Error) => void
}

/** One connection that is consumed. */
interface Session {
  readonly connection: Connection
  readonly channel: Channel
  readonly consumer: Consumer
}

/** In one round trip at most. */
const PREFETCH_COUNT = 1000
/** Between two attempts on a connection that stands. */
const WAIT: GrowingWait = { startMs: 500, stepMs: 500, maxMs: 5000 }
/** A question takes no longer, in milliseconds, with all its retries. */
const ANSWER_TIMEOUT_MS = 30_000
/** Leaving takes no longer. */
const LEAVE_TIMEOUT_MS = 5000

export class ReplyReader {
  readonly #parts: ReaderParts
  readonly #stopping = new AbortController()
  readonly #marks = new Map<string, Deferred<void>>()
  readonly #questions = new TurnBatch<undefined>(() => this.#ask())
  #session: Promise<Session> | undefined
  #stopped: Promise<void> | undefined

  constructor(parts: ReaderParts) {
    this.#parts = parts
  }

  /** Resolves when replies come. Rejects like `BrokerConnection.ensure`. */
  async start(): Promise<void> {
    await this.#open()
  }

  /**
   * Resolves when everything has been taken that was in the queue at the time of the call: a mark that goes through the
   * queue says so. Calls of one turn share it. Rejects with `OperationalError`.
   */
  catchUp(): Promise<void> {
    return this.#questions.add([undefined])
  }

  /** Consume no more, and with `remove` delete the queue. May be called twice. */
  stop(options: { readonly remove: boolean }): Promise<void> {
    return (this.#stopped ??= this.#stop(options.remove))
  }

  async #stop(remove: boolean): Promise<void> {
    const { broker, queue, logger } = this.#parts
    this.#stopping.abort(new ConnectionError(`The reply queue ${queue.name} is closed`))
    try {
      const session = await this.#session?.catch(() => undefined)
      await session?.consumer.stop()
      if (remove) {
        const options = { maxRetries: 0, timeoutMs: LEAVE_TIMEOUT_MS }
        await broker.withChannel((channel) => channel.queueDelete(queue.name), options)
      }
    } catch (error) {
      // It expires by itself.
      logger.debug(`The reply queue ${queue.name} could not be deleted`, { error })
    } finally {
      await broker.close()
    }
  }

  #open(): Promise<Session> {
    this.#session ??= this.#connect().catch((error: unknown) => {
      this.#session = undefined
      throw error
    })
    return this.#session
  }

  async #connect(): Promise<Session> {
    const { broker, clock } = this.#parts
    const { signal } = this.#stopping
    for (let attempt = 0; ; attempt += 1) {
      const connection = await broker.ensure({ signal })
      try {
        return await this.#consume(connection)
      } catch (error) {
        if (!isOperational(error) || signal.aborted) throw error
        await pause(clock, waitBefore(attempt, WAIT), signal)
      }
    }
  }

  async #consume(connection: Connection): Promise<Session> {
    const { queue, logger } = this.#parts
    const channel = await connection.openChannel()
    const consumer = new Consumer({
      channel,
      queues: [queue],
      prefetchCount: PREFETCH_COUNT,
      logger,
      onMessages: this.#take,
    })
    await consumer.start()
    void connection.closed.then((error) => {
      this.#lost(error)
    })
    return { connection, channel, consumer }
  }

  readonly #take = (messages: readonly IncomingMessage[]): void => {
    for (const incoming of messages) {
      const mark = readMark(incoming.message)
      if (mark === undefined) this.#parts.onReply(incoming.message)
      else this.#marks.get(mark)?.resolve()
      // One that cannot be acknowledged comes again, which does no harm; the consumer logs it.
      incoming.ack().catch(() => undefined)
    }
  }

  /** What came is not lost: it comes again on the next connection. */
  #lost(error: Error | undefined): void {
    const { isAwaited, onFailed } = this.#parts
    this.#session = undefined
    const reason = new ConnectionError('The connection was lost', { cause: error })
    for (const mark of this.#marks.values()) mark.reject(reason)
    if (this.#stopping.signal.aborted || !isAwaited()) return
    this.#open().catch((failure: unknown) => {
      if (!this.#stopping.signal.aborted) onFailed(asError(failure))
    })
  }

  async #ask(): Promise<void> {
    const { clock } = this.#parts
    const { signal } = this.#stopping
    const endMs = clock.monotonic() + ANSWER_TIMEOUT_MS
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#sendMark(endMs)
        return
      } catch (error) {
        if (!isOperational(error) || signal.aborted || clock.monotonic() >= endMs) throw error
        await pause(clock, waitBefore(attempt, WAIT), signal)
      }
    }
  }

  async #sendMark(endMs: number): Promise<void> {
    const { broker, queue, clock } = this.#parts
    await broker.ensure({ signal: this.#stopping.signal, timeoutMs: endMs - clock.monotonic() })
    const { connection, channel } = await this.#open()
    const id = uuid7()
    const arrived: Deferred<void> = deferred()
    // It may be rejected before anybody listens.
    arrived.promise.catch(() => undefined)
    this.#marks.set(id, arrived)
    try {
      await broker.answered(connection, endMs - clock.monotonic(), async () => {
        await channel.basicPublish([{ exchange: '', routingKey: queue.name, message: encodeMark(id) }])
        await arrived.promise
      })
    } finally {
      this.#marks.delete(id)
    }
  }
}
