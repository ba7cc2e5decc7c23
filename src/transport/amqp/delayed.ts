/**
 * Delayed delivery, with Celery's topology (`kombu/transport/native_delayed_delivery.py`): 28 levels of an exchange and
 * a queue each. The bits of the delay stand in the routing key; a one lets the message lie in that level's queue for 2 to
 * the power of the level seconds, until it expires to the next level. In the end it comes to one topic exchange.
 *
 * Celery binds topic exchanges to that one and cannot delay what is sent to others. We can: the last word of our routing
 * keys stands for exchange and routing key together. A queue that is sent to by its name is bound by that word; for any
 * other exchange a queue is bound by it in which messages expire at once, with exchange and routing key given back.
 */
import { createHash } from 'node:crypto'
import type { AmqpConnection, AmqpTable } from '../../driver/amqp.ts'
import { ChannelError } from '../../errors.ts'
import { MESSAGE_TTL_ARGUMENT, QUEUE_TYPE_ARGUMENT } from '../../protocol/arguments.ts'
import type { Headers } from '../../protocol/message.ts'
import type { Clock } from '../../util/clock.ts'
import { isRecord } from '../../util/record.ts'
import type { Delivery, Publication } from '../transport.ts'
import {
  arrivalKey,
  DEAD_LETTER_EXCHANGE_ARGUMENT,
  DEAD_LETTER_ROUTING_KEY_ARGUMENT,
  DEAD_LETTER_STRATEGY_ARGUMENT,
  DEATHS_HEADER,
  DELAY_BITS,
  delayedKey,
  DELIVERY_EXCHANGE,
  FIRST_DEATH_PREFIX,
  LAST_DEATH_PREFIX,
  LEVEL_PREFIX,
  levelName,
  OVERFLOW_ARGUMENT,
  passingKey,
  RETURN_QUEUE_PREFIX,
  waitingKey,
} from './keys.ts'
import type { DelayedQueueType } from './options.ts'
import { ReopeningChannel } from './reopening.ts'

const TOP_LEVEL = DELAY_BITS - 1
const MAX_SECONDS = 2 ** DELAY_BITS - 1
/** Routing keys have 255 bytes at most, and the bits take 56. */
const MAX_TARGET_BYTES = 190
const DURABLE = { durable: true, autoDelete: false } as const

/** What delayed delivery is made of. */
export interface DelayedParts {
  readonly connection: AmqpConnection
  readonly clock: Clock
  /** The type of its queues, where they are not there yet. */
  readonly queueType: DelayedQueueType
}

/** Delayed delivery over one connection. Nothing is declared before it is needed. */
export class DelayedDelivery {
  readonly #parts: DelayedParts
  readonly #channel: ReopeningChannel
  #declared: Promise<void> | undefined

  constructor(parts: DelayedParts) {
    this.#parts = parts
    this.#channel = new ReopeningChannel(() => parts.connection.openChannel({ confirms: false }))
  }

  /**
   * The same publications, those that are not due yet by the way of delayed delivery. Delays are whole seconds, rounded
   * up, so that nothing comes too early. Rejects with `ChannelError` where a queue that is sent to is not there.
   */
  async delay(publications: readonly Publication[]): Promise<readonly Publication[]> {
    const { clock } = this.#parts
    const nowMs = clock.now()
    const waiting = publications.filter(({ dueMs = 0 }) => dueMs > nowMs)
    if (waiting.length === 0) return publications
    await this.#declare()
    await this.#bindAll(waiting)
    const sentMs = clock.now()
    return publications.map((publication) => {
      const { dueMs = 0, exchange, routingKey, message } = publication
      const seconds = Math.min(Math.ceil((dueMs - sentMs) / 1000), MAX_SECONDS)
      if (seconds <= 0) return publication
      const key = delayedKey(seconds, targetOf(exchange, routingKey))
      return { exchange: levelName(TOP_LEVEL), routingKey: key, message }
    })
  }

  /**
   * What Celery's clients delay on its way to this queue arrives: bind queue and exchange as its workers do. Not for
   * direct exchanges, which do not know the key under which it arrives.
   */
  async bindAsCelery(queue: string, exchange: string, routingKey: string): Promise<void> {
    await this.#declare()
    const key = arrivalKey(routingKey)
    await this.#channel.inTurn((channel) => channel.exchangeBind(exchange, DELIVERY_EXCHANGE, key))
    await this.#channel.inTurn((channel) => channel.queueBind(queue, exchange, key))
  }

  #declare(): Promise<void> {
    this.#declared ??= this.#declareAll().catch((error: unknown) => {
      this.#declared = undefined
      throw error
    })
    return this.#declared
  }

  async #declareAll(): Promise<void> {
    if (!(await this.#isThere())) await this.#declareLevels()
    await this.#channel.inTurn((channel) => channel.exchangeBind(DELIVERY_EXCHANGE, levelName(0), passingKey(0)))
  }

  /** Its last exchange is declared when all else is there. */
  async #isThere(): Promise<boolean> {
    try {
      await this.#channel.inTurn((channel) => channel.exchangeCheck(DELIVERY_EXCHANGE))
      return true
    } catch (error) {
      if (error instanceof ChannelError) return false
      throw error
    }
  }

  async #declareLevels(): Promise<void> {
    for (let level = TOP_LEVEL; level >= 0; level -= 1) {
      const name = levelName(level)
      const next = level === 0 ? DELIVERY_EXCHANGE : levelName(level - 1)
      await this.#channel.inTurn(async (channel) => {
        await channel.exchangeDeclare(name, { type: 'topic', ...DURABLE })
        const args = this.#queueArguments({
          [MESSAGE_TTL_ARGUMENT]: 2 ** level * 1000,
          [DEAD_LETTER_EXCHANGE_ARGUMENT]: next,
        })
        await channel.queueDeclare(name, { ...DURABLE, exclusive: false, arguments: args })
        await channel.queueBind(name, name, waitingKey(level))
      })
    }
    await this.#channel.inTurn(async (channel) => {
      for (let level = TOP_LEVEL; level > 0; level -= 1) {
        await channel.exchangeBind(levelName(level - 1), levelName(level), passingKey(level))
      }
      await channel.exchangeDeclare(DELIVERY_EXCHANGE, { type: 'topic', ...DURABLE })
    })
  }

  /** Each time anew: who deletes a queue deletes its bindings. */
  async #bindAll(publications: readonly Publication[]): Promise<void> {
    const bound = new Set<string>()
    for (const { exchange, routingKey } of publications) {
      const target = targetOf(exchange, routingKey)
      if (!bound.has(target)) await this.#bind(exchange, routingKey, target)
      bound.add(target)
    }
  }

  async #bind(exchange: string, routingKey: string, target: string): Promise<void> {
    await this.#channel.inTurn(async (channel) => {
      const key = arrivalKey(target)
      if (exchange === '') {
        await channel.queueBind(routingKey, DELIVERY_EXCHANGE, key)
        return
      }
      const name = RETURN_QUEUE_PREFIX + target
      const args = this.#queueArguments({
        [MESSAGE_TTL_ARGUMENT]: 0,
        [DEAD_LETTER_EXCHANGE_ARGUMENT]: exchange,
        [DEAD_LETTER_ROUTING_KEY_ARGUMENT]: routingKey,
      })
      await channel.queueDeclare(name, { ...DURABLE, exclusive: false, arguments: args })
      await channel.queueBind(name, DELIVERY_EXCHANGE, key)
    })
  }

  #queueArguments(own: AmqpTable): AmqpTable {
    const type = canQuorumExpire(this.#parts.connection.version) ? this.#parts.queueType : 'classic'
    return {
      [QUEUE_TYPE_ARGUMENT]: type,
      [OVERFLOW_ARGUMENT]: 'reject-publish',
      ...own,
      ...(type === 'quorum' ? { [DEAD_LETTER_STRATEGY_ARGUMENT]: 'at-least-once' } : {}),
    }
  }
}

/** A delivery that was delayed, as if it had come at once: its address, and no trace of the queues where it lay. */
export function restoreDelivery(delivery: Delivery): Delivery {
  const { exchange, queue, routingKey, message } = delivery
  const deaths = message.headers[DEATHS_HEADER]
  if (!Array.isArray(deaths)) return delivery
  const restored = { ...delivery, message: { ...message, headers: withoutDelays(message.headers, deaths) } }
  const isOurs = exchange === DELIVERY_EXCHANGE && routingKey.endsWith(`.${targetOf('', queue)}`)
  return isOurs ? { ...restored, exchange: '', routingKey: queue } : restored
}

/** One word of a routing key for both. It holds a slash, so that it is nobody's own word. */
function targetOf(exchange: string, routingKey: string): string {
  const target = `${escapeWord(exchange)}/${escapeWord(routingKey)}`
  if (Buffer.byteLength(target) <= MAX_TARGET_BYTES) return target
  return `/${createHash('sha1').update(target).digest('hex')}/`
}

function escapeWord(text: string): string {
  return text.replaceAll(/[%./]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
}

/**
 * RabbitMQ drops what expires for a second time in the same queue, so a message that is delayed again must not tell of
 * the first time.
 */
function withoutDelays(headers: Headers, deaths: readonly unknown[]): Headers {
  const others = deaths.filter((death) => !isDelay(death))
  const kept: Headers = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name === DEATHS_HEADER) {
      if (others.length > 0) kept[name] = others
    } else if (others.length > 0 || !(name.startsWith(FIRST_DEATH_PREFIX) || name.startsWith(LAST_DEATH_PREFIX))) {
      kept[name] = value
    }
  }
  return kept
}

function isDelay(death: unknown): boolean {
  const queue = isRecord(death) ? death['queue'] : undefined
  return typeof queue === 'string' && (queue.startsWith(LEVEL_PREFIX) || queue.startsWith(RETURN_QUEUE_PREFIX))
}

/** Since RabbitMQ 3.10 messages expire in quorum queues too. */
function canQuorumExpire(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  return major > 3 || (major === 3 && minor >= 10)
}
