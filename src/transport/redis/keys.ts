/**
 * Every key of the Redis transport, and how what lies under it is written. kombu's own (`kombu/transport/redis.py`):
 * lists of messages, sets of bindings, what is unacknowledged, channels of fanout exchanges. Ours begin with `celeriac.`:
 * who holds what, what is not due yet, which exchanges are declared. Python does not look at them.
 */
import type { Binding, ExchangeType } from '../transport.ts'

/** The names that kombu lets its users choose, and its defaults. */
export interface KeyNames {
  /** In front of every key and channel. Default none. */
  readonly prefix: string
  /** Between a queue and its priority step, and between the parts of a binding. */
  readonly separator: string
  readonly unacked: string
  readonly unackedIndex: string
  /** In front of the channels of fanout exchanges, the database's number in it. */
  readonly fanoutPrefix: string
  /** Do routing keys belong to those channels? */
  readonly fanoutPatterns: boolean
  /** The priorities that have a list of their own, in ascending order: a message lies in that of the greatest not above. */
  readonly prioritySteps: readonly number[]
}

/** kombu's defaults; the prefix of channels depends on the database. */
export const DEFAULT_NAMES: Omit<KeyNames, 'fanoutPrefix'> = {
  prefix: '',
  separator: '\u0006\u0016',
  unacked: 'unacked',
  unackedIndex: 'unacked_index',
  fanoutPatterns: true,
  prioritySteps: [0, 3, 6, 9],
}

/** In a cluster all keys of one step lie on one node; without a hash tag in the prefix they get this one. */
export const CLUSTER_PREFIX = '{celeriac}'

const BINDING_PREFIX = '_kombu.binding.'
/** Set to a text, it takes the place of `/{db}.`. */
const FANOUT_PREFIX = '/{db}.'
/** The channel on which a server tells of changed keys (Redis: client-side caching, RESP2). */
export const INVALIDATION_CHANNEL = '__redis__:invalidate'

/** The fanout prefix for a database: kombu's option is true, false or a text. */
export function fanoutPrefix(option: boolean | string, database: number): string {
  if (option === false) return ''
  return (option === true ? FANOUT_PREFIX : option).replaceAll('{db}', String(database))
}

/** What a member of a binding set says. */
export interface BindingMember {
  readonly queue: string
  readonly routingKey: string
}

export class Keys {
  readonly names: KeyNames
  /** Hash: tag to `[envelope, exchange, routing key]`. */
  readonly unacked: string
  /** Sorted set: tag, by the Unix time in seconds at which it was given out or renewed. */
  readonly unackedIndex: string
  /** Sorted set: who holds messages, by the server's time in milliseconds at which that ends. */
  readonly owners: string
  /** Sorted set: queues with messages that are not due, by the earliest due time in milliseconds. */
  readonly due: string
  /** Hash: exchange to its declaration as JSON. */
  readonly exchanges: string
  /** Set: the queues that go with their last consumer. */
  readonly autoDelete: string
  /**
   * Hash: the number that was published last under each key (`Publication.once`). Those that are forgotten after a time
   * are keys of their own: this name, a dot, theirs.
   */
  readonly marks: string
  /** The greatest step not above each priority. */
  readonly #steps: readonly number[]

  constructor(names: KeyNames) {
    const { prefix, prioritySteps } = names
    this.names = names
    this.unacked = prefix + names.unacked
    this.unackedIndex = prefix + names.unackedIndex
    this.owners = `${prefix}celeriac.owners`
    this.due = `${prefix}celeriac.due`
    this.exchanges = `${prefix}celeriac.exchanges`
    this.autoDelete = `${prefix}celeriac.auto_delete`
    this.marks = `${prefix}celeriac.marks`
    // As Python's bisect does it: below all steps the last one counts.
    const stepOf = (priority: number): number | undefined => prioritySteps.findLast((step) => step <= priority)
    this.#steps = Array.from({ length: 10 }, (_, priority) => stepOf(priority) ?? prioritySteps.at(-1) ?? 0)
  }

  /** What the arguments of every script begin with: the keys above, and how it makes the names of others. */
  get grammar(): readonly string[] {
    const { prefix, separator, prioritySteps } = this.names
    const keys = [this.unacked, this.unackedIndex, this.owners, this.due, this.exchanges, this.autoDelete]
    return [...keys, prefix, separator, prefix + BINDING_PREFIX, prioritySteps.join(' ')]
  }

  /** The step in which a message of this priority lies. */
  step(priority: unknown): number {
    const number = typeof priority === 'number' ? Math.trunc(priority) : 0
    return this.#steps[Math.min(Math.max(number, 0), 9)] ?? 0
  }

  /** The list of a queue and step. */
  list(queue: string, step: number): string {
    const { prefix, separator } = this.names
    return step === 0 ? prefix + queue : `${prefix}${queue}${separator}${String(step)}`
  }

  /** The lists of queues in the order in which they are served: the step counts for more than the queue. */
  lists(queues: readonly string[]): string[] {
    return this.names.prioritySteps.flatMap((step) => queues.map((queue) => this.list(queue, step)))
  }

  /** What changes when there may be something to take: the lists, and the due times. */
  watched(queues: readonly string[]): string[] {
    return [...this.lists(queues), this.due]
  }

  /** Sorted set: `<step>:<envelope>` of messages that are not due, by their due time in milliseconds. */
  parked(queue: string): string {
    return `${this.due}.${queue}`
  }

  /**
   * Set: what belongs to an owner besides messages; `c<queue>` it consumes, `x<queue>` goes with it, `d<queue>` it has
   * declared and perhaps not come to consume, `i<queue>` it may have something of in an inbox.
   */
  owned(owner: string): string {
    return `${this.owners}.${owner}`
  }

  /** List: the message of a queue that was handed over to an owner and is neither settled nor noted elsewhere. */
  inbox(owner: string, queue: string): string {
    return `${this.owned(owner)}.inbox.${queue}`
  }

  /** Set: the bindings of an exchange. */
  bindings(exchange: string): string {
    return `${this.names.prefix}${BINDING_PREFIX}${exchange}`
  }

  /** How kombu writes a binding: routing key, the regular expression that a topic exchange matches with, queue. */
  bindingMember({ routingKey, queue }: Binding, type: ExchangeType): string {
    return [routingKey, type === 'topic' ? topicPattern(routingKey) : '', queue].join(this.names.separator)
  }

  /** Undefined where the member is no binding. */
  parseBinding(member: string): BindingMember | undefined {
    const [routingKey, , ...queue] = member.split(this.names.separator)
    if (routingKey === undefined || queue.length === 0) return undefined
    return { routingKey, queue: queue.join(this.names.separator) }
  }

  /** The channel on which a message of a fanout exchange is told. */
  channel(exchange: string, routingKey: string): string {
    const { prefix, fanoutPrefix, fanoutPatterns } = this.names
    const exact = fanoutPatterns && routingKey !== '' ? `${exchange}/${routingKey}` : exchange
    return prefix + fanoutPrefix + exact
  }

  /**
   * The patterns of channels that a queue which is bound with this routing key listens to. Without one it gets
   * everything, as AMQP has it; kombu then leaves out messages with a routing key.
   */
  channelPatterns(exchange: string, routingKey: string): readonly string[] {
    const pattern = this.channel(exchange, routingKey.replaceAll('#', '*'))
    return routingKey === '' && this.names.fanoutPatterns ? [pattern, `${pattern}/*`] : [pattern]
  }
}

/** kombu's regular expression for a topic: `*` is at least one character, `#` any number of them. */
function topicPattern(routingKey: string): string {
  const escaped = routingKey.replaceAll(/[^\p{L}\p{N}.#*]/gu, '\\$&')
  const words = escaped.split('.').map((word) => (word === '*' ? '.*?[^\\.]' : word === '#' ? '.*?' : word))
  return `^${words.join('\\.')}$`
}
