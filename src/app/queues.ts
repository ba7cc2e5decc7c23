/**
 * The queues of an app: those that the settings declare, those that are made because somebody named them, and which of
 * them a worker consumes. What a queue is, and how it is declared, is `messaging/queue.ts`.
 */
import { ImproperlyConfigured, QueueNotFound } from '../errors.ts'
import { createQueue } from '../messaging/queue.ts'
import type { Queue, QueueOptions } from '../messaging/queue.ts'
import { QUEUE_TYPE_ARGUMENT } from '../protocol/arguments.ts'
import { WORKER_DIRECT_EXCHANGE, workerDirectQueue } from '../protocol/names.ts'
import type { ExchangeType } from '../transport/transport.ts'
import { camelCase } from '../util/case.ts'
import { isRecord } from '../util/record.ts'
import { didYouMean } from '../util/suggest.ts'

/** The options of a queue in the settings, where the name may stand outside. Names in snake_case are understood. */
export interface TaskQueueOptions extends Omit<QueueOptions, 'name'> {
  readonly name?: string
  /** The type of `exchange`, where that is a name. */
  readonly exchangeType?: ExchangeType
  /** An older name of `routingKey`. */
  readonly bindingKey?: string
}

/** One queue in a list: its name, its options, or what `createQueue` or `createBroadcast` made. */
export type QueueInput = string | (TaskQueueOptions & { readonly name: string }) | Queue

/**
 * The setting `taskQueues`: a list, or an object by name. In a list, a name alone gets an exchange and routing key of
 * that name; options without them get the default ones, as in Celery. In an object, the name is the routing key.
 */
export type TaskQueues = readonly QueueInput[] | Readonly<Record<string, TaskQueueOptions | Queue | null>>

/** The settings that say which queues there are. */
export interface QueueSettings {
  readonly taskQueues: TaskQueues | null
  readonly taskQueueMaxPriority: number | null
  readonly taskCreateMissingQueues: boolean
  readonly taskCreateMissingQueueType: 'classic' | 'quorum'
  readonly taskCreateMissingQueueExchangeType: ExchangeType | null
  readonly taskDefaultQueue: string
  readonly taskDefaultQueueType: 'classic' | 'quorum'
  readonly taskDefaultExchange: string
  readonly taskDefaultExchangeType: ExchangeType
  readonly taskDefaultRoutingKey: string
}

/** A queue as it was written: complete, or a name with options in camelCase. No options: only the name was given. */
type QueueSpec = Queue | { readonly name: string; readonly options: TaskQueueOptions | undefined }

export class Queues {
  readonly #settings: QueueSettings
  readonly #queues = new Map<string, Queue>()
  readonly #aliases = new Map<string, Queue>()
  /** What a worker consumes when nobody chose. */
  readonly #declared = new Map<string, Queue>()
  #selected: Map<string, Queue> | undefined
  #version = 0

  /** Throws `ImproperlyConfigured` for queues that cannot be. */
  constructor(settings: QueueSettings) {
    this.#settings = settings
    const specs = settings.taskQueues === null ? [] : readQueues(settings.taskQueues)
    const queues = specs.length === 0 ? [this.#defaultQueue()] : specs.map((spec) => this.#create(spec))
    for (const queue of queues) this.#declared.set(queue.name, this.#store(queue))
  }

  /** Grows when a queue is replaced, so that others know when to forget what they remember of queues. */
  get version(): number {
    return this.#version
  }

  /** The queue of this name or alias; made where it is missing. Throws `QueueNotFound` where that is not allowed. */
  get(name: string): Queue {
    return this.#aliases.get(name) ?? this.#queues.get(name) ?? this.#createMissing(name)
  }

  /** Is there a queue of this name or alias already? */
  has(name: string): boolean {
    return this.#aliases.has(name) || this.#queues.has(name)
  }

  /** All queues that are known, consumed or not. */
  all(): Queue[] {
    return [...this.#queues.values()]
  }

  /** Add a queue for routing, in the place of one of the same name. Throws `ImproperlyConfigured`. */
  add(queue: QueueInput): Queue {
    const [spec] = readQueues([queue])
    return this.#store(this.#create(spec as QueueSpec))
  }

  /** Add a queue that is consumed, whatever else was selected. Throws `ImproperlyConfigured`. */
  selectAdd(queue: QueueInput): Queue {
    const added = this.add(queue)
    this.#consumed().set(added.name, added)
    return added
  }

  /**
   * Consume these only (`-Q`). None given: all that are declared, as before. Throws `ImproperlyConfigured` for one that
   * is not declared where missing ones are not made.
   */
  select(names: readonly string[]): void {
    if (names.length === 0) return
    this.#refuseUndeclared('select', names)
    this.#selected = new Map(
      names.map((name) => {
        const queue = this.get(name)
        return [queue.name, queue]
      }),
    )
  }

  /** Do not consume these (`-X`, `cancel_consumer`). Throws as `select` does. */
  deselect(names: readonly string[]): void {
    this.#refuseUndeclared('exclude', names)
    for (const name of names) this.#consumed().delete(this.#aliases.get(name)?.name ?? name)
  }

  /**
   * What one of several workers consumes: these queues, or all that are consumed here, but not the excluded ones. Selects
   * nothing for others. Throws as `select` does.
   */
  choose(only: readonly string[] = [], except: readonly string[] = []): Queue[] {
    this.#refuseUndeclared('select', only)
    this.#refuseUndeclared('exclude', except)
    const chosen = only.length === 0 ? [...this.#consumed().values()] : only.map((name) => this.get(name))
    const excluded = new Set(except.map((name) => this.#aliases.get(name)?.name ?? name))
    return [...new Set(chosen)].filter(({ name }) => !excluded.has(name))
  }

  /** The queues that a worker consumes, by name. */
  get consumeFrom(): ReadonlyMap<string, Queue> {
    return this.#consumed()
  }

  #consumed(): Map<string, Queue> {
    return this.#selected ?? this.#declared
  }

  #store(queue: Queue): Queue {
    if (this.has(queue.name) || (queue.alias !== undefined && this.has(queue.alias))) this.#version += 1
    this.#queues.set(queue.name, queue)
    if (queue.alias !== undefined) this.#aliases.set(queue.alias, queue)
    return queue
  }

  #defaultQueue(): Queue {
    const { taskDefaultQueue: name, taskDefaultQueueType, taskDefaultRoutingKey } = this.#settings
    const options = { name, routingKey: taskDefaultRoutingKey, queueArguments: typeArguments(taskDefaultQueueType) }
    return this.#create({ name, options })
  }

  #createMissing(name: string): Queue {
    const { taskCreateMissingQueues, taskCreateMissingQueueType, taskCreateMissingQueueExchangeType } = this.#settings
    if (!taskCreateMissingQueues) throw new QueueNotFound(name)
    const exchange = { name, type: taskCreateMissingQueueExchangeType ?? 'direct' }
    const queueArguments = typeArguments(taskCreateMissingQueueType)
    return this.#store(this.#create({ name, options: { exchange, routingKey: name, queueArguments } }))
  }

  #create(spec: QueueSpec): Queue {
    const { taskDefaultExchange, taskDefaultExchangeType, taskDefaultRoutingKey, taskQueueMaxPriority } = this.#settings
    const defaultExchange = { name: taskDefaultExchange, type: taskDefaultExchangeType }
    const queue = isQueue(spec)
      ? withExchange(spec, defaultExchange)
      : createFrom(spec.name, spec.options, defaultExchange, taskDefaultRoutingKey)
    return taskQueueMaxPriority === null || queue.maxPriority !== undefined
      ? queue
      : { ...queue, maxPriority: taskQueueMaxPriority }
  }

  #refuseUndeclared(verb: string, names: readonly string[]): void {
    if (this.#settings.taskCreateMissingQueues) return
    const name = names.find((wanted) => !this.has(wanted))
    if (name === undefined) return
    throw new ImproperlyConfigured(
      `Cannot ${verb} queue "${name}": it is not in taskQueues${didYouMean(name, this.#queues.keys())}`,
    )
  }
}

/** A line for each queue, by name, as the worker's banner has it. */
export function formatQueues(queues: readonly Queue[]): string[] {
  return [...queues]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, exchange, routingKey }) => {
      return `.> ${name.padEnd(16)} exchange=${exchange.name}(${exchange.type}) key=${routingKey}`
    })
}

/** The queue that only this worker consumes (`workerDirect`). */
export function directQueue(nodename: string): Queue {
  return createQueue({
    name: workerDirectQueue(nodename),
    exchange: WORKER_DIRECT_EXCHANGE,
    routingKey: nodename,
  })
}

/** Read the setting `taskQueues`. Throws `ImproperlyConfigured` for queues that cannot be. */
export function readQueues(queues: TaskQueues): QueueSpec[] {
  const specs = Array.isArray(queues)
    ? (queues as readonly QueueInput[]).map((queue) => readQueue(undefined, queue))
    : Object.entries(queues as Readonly<Record<string, TaskQueueOptions | null>>).map(([name, queue]) =>
        readQueue(name, queue ?? {}),
      )
  // Their options are checked now, not when the queue is first used.
  for (const spec of specs) if (!isQueue(spec)) createFrom(spec.name, spec.options, '', '')
  return specs
}

/** In an object the name stands outside, and is the routing key where there is none. */
function readQueue(key: string | undefined, queue: QueueInput | TaskQueueOptions): QueueSpec {
  if (typeof queue === 'string' && queue !== '' && key === undefined) return { name: queue, options: undefined }
  if (isQueue(queue)) return queue
  if (!isRecord(queue))
    throw new ImproperlyConfigured('Each of taskQueues must be a name or an object such as { name: "video" }')
  const options = Object.fromEntries(
    Object.entries(queue).flatMap(([name, value]) =>
      value === undefined || value === null ? [] : [[camelCase(name), value]],
    ),
  ) as TaskQueueOptions
  const name = key ?? options.name
  if (name === undefined || name === '') throw new ImproperlyConfigured('A queue of taskQueues has no name')
  if (key === undefined) return { name, options }
  return { name, options: { ...options, routingKey: options.routingKey ?? options.bindingKey ?? key } }
}

function isQueue(queue: unknown): queue is Queue {
  return isRecord(queue) && typeof queue['broadcast'] === 'boolean'
}

function createFrom(
  name: string,
  options: TaskQueueOptions | undefined,
  defaultExchange: NonNullable<QueueOptions['exchange']>,
  defaultRoutingKey: string,
): Queue {
  if (options === undefined) return createQueue({ name, exchange: name, routingKey: name })
  const { exchangeType, bindingKey, exchange, routingKey, ...rest } = options
  const chosen = exchange === undefined || exchange === '' ? defaultExchange : exchange
  return createQueue({
    ...rest,
    name,
    exchange:
      exchangeType === undefined
        ? chosen
        : { ...(typeof chosen === 'string' ? { name: chosen } : chosen), type: exchangeType },
    routingKey: routingKey ?? bindingKey ?? defaultRoutingKey,
  })
}

/** Celery binds what names no exchange to the default one. */
function withExchange(queue: Queue, exchange: NonNullable<QueueOptions['exchange']>): Queue {
  return queue.exchange.name === ''
    ? { ...queue, exchange: createQueue({ name: queue.name, exchange }).exchange }
    : queue
}

/** Brokers take a queue without a type for a classic one. */
function typeArguments(type: 'classic' | 'quorum'): Record<string, unknown> {
  return type === 'classic' ? {} : { [QUEUE_TYPE_ARGUMENT]: type }
}
