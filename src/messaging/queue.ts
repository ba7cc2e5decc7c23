/**
 * Queues and their bindings as data: what a user writes, checked and completed, and how a channel declares it. Which
 * queues an app has is `app/queues.ts`.
 */
import { ImproperlyConfigured } from '../errors.ts'
import {
  MAX_LENGTH_ARGUMENT,
  MAX_LENGTH_BYTES_ARGUMENT,
  MAX_PRIORITY_ARGUMENT,
  MESSAGE_TTL_ARGUMENT,
  QUEUE_EXPIRES_ARGUMENT,
} from '../protocol/arguments.ts'
import { BROADCAST_QUEUE_PREFIX } from '../protocol/names.ts'
import type { Channel, QueueDeclaration, QueueStatus } from '../transport/transport.ts'
import { uuid7 } from '../util/uuid.ts'
import { createExchange, declareExchange } from './exchange.ts'
import type { Exchange, ExchangeOptions } from './exchange.ts'
import { checkNumber, checkOptions } from './options.ts'

/** One more way into a queue. */
export interface BindingOptions {
  readonly exchange: string | ExchangeOptions
  /** Default: the empty text. */
  readonly routingKey?: string
  /** What a headers exchange looks at. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** A queue as a user writes it. */
export interface QueueOptions {
  readonly name: string
  /** Default: the default exchange, which needs no binding. */
  readonly exchange?: string | ExchangeOptions
  /** What the queue is bound with. Default: the queue's name where there is no exchange, else the empty text. */
  readonly routingKey?: string
  /** Outlives the broker's restart. Default true. */
  readonly durable?: boolean
  /** Only this connection uses it; it goes with the connection. Default false. */
  readonly exclusive?: boolean
  /** Goes with its last consumer. Default false; true where it is exclusive. */
  readonly autoDelete?: boolean
  /** The queue goes when nobody used it for so many seconds. Default never. */
  readonly expires?: number
  /** Messages go when they have waited for so many seconds. Default never. */
  readonly messageTtl?: number
  /** The most messages that wait. Default no limit. */
  readonly maxLength?: number
  /** The most bytes that wait. Default no limit. */
  readonly maxLengthBytes?: number
  /** The highest priority, 1 to 255. Default: the broker's. */
  readonly maxPriority?: number
  /** More arguments for the declaration, under their wire names; they win over the options above. */
  readonly queueArguments?: Readonly<Record<string, unknown>>
  readonly bindingArguments?: Readonly<Record<string, unknown>>
  readonly consumerArguments?: Readonly<Record<string, unknown>>
  /** More ways into the queue. */
  readonly bindings?: readonly BindingOptions[]
  /** It is there already, and not declared by us. Default false. */
  readonly noDeclare?: boolean
  /** Called each time it was declared. Default nothing. */
  readonly onDeclared?: (status: QueueStatus) => void
  /** Another name for it, for users. */
  readonly alias?: string
  /** Deliveries need no acknowledgement. Default false. */
  readonly noAck?: boolean
}

/** A way into a queue, complete. */
export interface QueueBinding {
  readonly exchange: Exchange
  readonly routingKey: string
  readonly arguments: Readonly<Record<string, unknown>> | undefined
}

/** A complete queue. Durations are in seconds, as in `QueueOptions`. */
export interface Queue {
  readonly name: string
  readonly exchange: Exchange
  readonly routingKey: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly expires: number | undefined
  readonly messageTtl: number | undefined
  readonly maxLength: number | undefined
  readonly maxLengthBytes: number | undefined
  readonly maxPriority: number | undefined
  /** As given; `declarationOf` has all of them. */
  readonly queueArguments: Readonly<Record<string, unknown>> | undefined
  readonly bindingArguments: Readonly<Record<string, unknown>> | undefined
  readonly consumerArguments: Readonly<Record<string, unknown>> | undefined
  readonly bindings: readonly QueueBinding[]
  readonly noDeclare: boolean
  readonly onDeclared: ((status: QueueStatus) => void) | undefined
  readonly alias: string | undefined
  readonly noAck: boolean
  /** Every worker has a queue of its own behind this name: nobody publishes to the queue itself. */
  readonly broadcast: boolean
}

const OPTION_NAMES: readonly string[] = [
  'name',
  'exchange',
  'routingKey',
  'durable',
  'exclusive',
  'autoDelete',
  'expires',
  'messageTtl',
  'maxLength',
  'maxLengthBytes',
  'maxPriority',
  'queueArguments',
  'bindingArguments',
  'consumerArguments',
  'bindings',
  'noDeclare',
  'onDeclared',
  'alias',
  'noAck',
] satisfies (keyof QueueOptions)[]

/** The options that become arguments of the declaration, and what one of their units is in the argument's. */
const ARGUMENTS = [
  { option: 'expires', argument: QUEUE_EXPIRES_ARGUMENT, factor: 1000 },
  { option: 'messageTtl', argument: MESSAGE_TTL_ARGUMENT, factor: 1000 },
  { option: 'maxLength', argument: MAX_LENGTH_ARGUMENT, factor: 1 },
  { option: 'maxLengthBytes', argument: MAX_LENGTH_BYTES_ARGUMENT, factor: 1 },
  { option: 'maxPriority', argument: MAX_PRIORITY_ARGUMENT, factor: 1 },
] as const

/** A complete queue from its name or options. Throws `ImproperlyConfigured` for an option that cannot be. */
export function createQueue(options: string | QueueOptions): Queue {
  const given: QueueOptions = typeof options === 'string' ? { name: options } : options
  if (typeof given.name !== 'string' || given.name === '') throw new ImproperlyConfigured('A queue needs a name')
  const subject = `queue "${given.name}"`
  checkOptions(subject, given, OPTION_NAMES)
  const exchange = createExchange(given.exchange ?? '')
  const exclusive = given.exclusive ?? false
  return {
    name: given.name,
    exchange,
    routingKey: given.routingKey ?? (exchange.name === '' ? given.name : ''),
    durable: given.durable ?? true,
    exclusive,
    autoDelete: given.autoDelete ?? exclusive,
    expires: checkNumber(subject, 'expires', given.expires),
    messageTtl: checkNumber(subject, 'messageTtl', given.messageTtl),
    maxLength: checkNumber(subject, 'maxLength', given.maxLength),
    maxLengthBytes: checkNumber(subject, 'maxLengthBytes', given.maxLengthBytes),
    maxPriority: checkNumber(subject, 'maxPriority', given.maxPriority, 1),
    queueArguments: given.queueArguments,
    bindingArguments: given.bindingArguments,
    consumerArguments: given.consumerArguments,
    bindings: (given.bindings ?? []).map((binding) => ({
      exchange: createExchange(binding.exchange),
      routingKey: binding.routingKey ?? '',
      arguments: binding.arguments,
    })),
    noDeclare: given.noDeclare ?? false,
    onDeclared: given.onDeclared,
    alias: given.alias,
    noAck: given.noAck ?? false,
    broadcast: false,
  }
}

/**
 * kombu's `Broadcast`: each worker makes a queue of its own behind the fanout exchange `name`, so that every worker gets
 * every task. Throws `ImproperlyConfigured` for an option that cannot be.
 */
export function createBroadcast(options: string | QueueOptions): Queue {
  const given: QueueOptions = typeof options === 'string' ? { name: options } : options
  const queue = createQueue({
    autoDelete: true,
    ...given,
    name: BROADCAST_QUEUE_PREFIX + uuid7(),
    alias: given.alias ?? given.name,
    exchange: given.exchange ?? { name: given.name, type: 'fanout' },
  })
  return { ...queue, broadcast: true }
}

/** What a transport is asked to declare. */
export function declarationOf(queue: Queue): QueueDeclaration {
  const fromOptions: Record<string, unknown> = {}
  for (const { option, argument, factor } of ARGUMENTS) {
    const value = queue[option]
    if (value !== undefined) fromOptions[argument] = Math.round(value * factor)
  }
  return {
    name: queue.name,
    durable: queue.durable,
    exclusive: queue.exclusive,
    autoDelete: queue.autoDelete,
    arguments: { ...fromOptions, ...queue.queueArguments },
  }
}

/** Declare a queue with its exchanges and bindings. Undefined where it is not to be declared by us. */
export async function declareQueue(channel: Channel, queue: Queue): Promise<QueueStatus | undefined> {
  if (queue.noDeclare) return undefined
  const { exchange, routingKey, bindingArguments } = queue
  const bindings = [{ exchange, routingKey, arguments: bindingArguments }, ...queue.bindings]
  for (const binding of bindings) await declareExchange(channel, binding.exchange)
  const status = await channel.queueDeclare(declarationOf(queue))
  for (const binding of bindings) {
    // Every queue is bound to the default exchange by itself.
    if (binding.exchange.name === '') continue
    await channel.queueBind({
      exchange: binding.exchange.name,
      queue: queue.name,
      routingKey: binding.routingKey,
      arguments: binding.arguments,
    })
  }
  queue.onDeclared?.(status)
  return status
}
