/** The caller's side of remote control: tell all workers, or some of them, and gather what they say. */
import type { RevokeOptions } from '../result/async-result.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Mailbox, Reply } from '../messaging/mailbox.ts'
import type { Logger } from '../util/logger.ts'
import { Inspect } from './inspect.ts'
import type { InspectOptions } from './inspect.ts'

export type { Reply }

/** Whom a command is for, and how long its replies are gathered. */
export interface BroadcastOptions extends InspectOptions {
  /** The arguments of the command. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** Whom a command is for, and whether anybody waits for what becomes of it. */
export interface TellOptions extends InspectOptions {
  /** Gather replies, as `ask` does. Default false: the command is sent, and the answer is an empty list. */
  readonly reply?: boolean
}

/** How tasks are revoked by remote control. */
export type ControlRevokeOptions = TellOptions & Pick<RevokeOptions, 'terminate' | 'signal'>

/** A queue that workers are to consume, where they do not know it. */
export interface AddConsumerOptions extends TellOptions {
  /** Default: the queue's name. */
  readonly exchange?: string
  /** Default `direct`. */
  readonly exchangeType?: string
  /** Default: the queue's name. */
  readonly routingKey?: string
  /** More options of the queue, under their wire names. */
  readonly options?: Readonly<Record<string, unknown>>
}

/** What remote control needs of its app. */
export interface ControlParts {
  readonly mailbox: () => Promise<Mailbox>
  readonly connection: () => Promise<BrokerConnection>
  /** Names of the queues that are declared. */
  readonly queues: () => Promise<readonly string[]>
  readonly logger: Logger
}

type Arguments = Readonly<Record<string, unknown>>

/**
 * Remote control of the workers. Its verbs send a command to all workers or, with `destination` or `pattern`, to some;
 * with `reply: true` they answer what those said. They reject with `OperationalError` where the broker cannot be had.
 */
export class Control {
  readonly #parts: ControlParts

  constructor(parts: ControlParts) {
    this.#parts = parts
  }

  /** Look at workers: `await app.control.inspect().active()`. */
  inspect(options: InspectOptions = {}): Inspect {
    return new Inspect((command, all) => this.ask(command, all), options)
  }

  /** Which workers are there? One reply a worker: `{ "celery@host": { ok: "pong" } }`. */
  ping(options: InspectOptions = {}): Promise<Reply[]> {
    return this.ask('ping', options)
  }

  /** Send a command and gather the replies until the time is over. */
  async ask(command: string, options: BroadcastOptions = {}): Promise<Reply[]> {
    const { timeout = 1, limit = options.destination?.length, callback, ...rest } = options
    const mailbox = await this.#parts.mailbox()
    const replies = await mailbox.ask({
      ...rest,
      method: command,
      arguments: options.arguments ?? {},
      timeoutMs: timeout * 1000,
      ...(limit === undefined ? {} : { limit }),
      ...(callback === undefined ? {} : { onReply: callback }),
    })
    this.#warnOfDuplicates(replies)
    return replies
  }

  /** Send a command and do not wait for replies. */
  async broadcast(
    command: string,
    options: Pick<BroadcastOptions, 'destination' | 'pattern' | 'matcher' | 'arguments'> = {},
  ): Promise<void> {
    const mailbox = await this.#parts.mailbox()
    const { destination, pattern, matcher } = options
    await mailbox.broadcast({
      method: command,
      arguments: options.arguments ?? {},
      ...(destination === undefined ? {} : { destination }),
      ...(pattern === undefined ? {} : { pattern }),
      ...(matcher === undefined ? {} : { matcher }),
    })
  }

  /** Drop these tasks, or with `terminate` end them. */
  revoke(taskIds: string | readonly string[], options: ControlRevokeOptions = {}): Promise<Reply[]> {
    const { terminate = false, signal = 'SIGTERM', ...rest } = options
    return this.#tell('revoke', { task_id: listOf(taskIds), terminate, signal }, rest)
  }

  /** End these tasks, whether they run or not. */
  terminate(
    taskIds: string | readonly string[],
    options: Omit<ControlRevokeOptions, 'terminate'> = {},
  ): Promise<Reply[]> {
    return this.revoke(taskIds, { ...options, terminate: true })
  }

  /** Drop tasks by their stamps: those that have one of these values, or with `terminate` end those that run. */
  revokeByStampedHeaders(
    headers: Readonly<Record<string, unknown>>,
    options: ControlRevokeOptions = {},
  ): Promise<Reply[]> {
    const { terminate = false, signal = 'SIGTERM', ...rest } = options
    return this.#tell('revoke_by_stamped_headers', { headers, terminate, signal }, rest)
  }

  /** Change the rate limit of a task: `10/s`, `100/m`, `5/h`, a number a second; 0 is none. */
  rateLimit(taskName: string, rateLimit: string | number, options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('rate_limit', { task_name: taskName, rate_limit: rateLimit }, options)
  }

  /** Change the time limits of a task, in seconds. One that is left out is none. */
  timeLimit(
    taskName: string,
    limits: { readonly soft?: number; readonly hard?: number },
    options: TellOptions = {},
  ): Promise<Reply[]> {
    const { soft = null, hard = null } = limits
    return this.#tell('time_limit', { task_name: taskName, hard, soft }, options)
  }

  /** Let workers send task events. */
  enableEvents(options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('enable_events', {}, options)
  }

  /** Let workers send no more task events. */
  disableEvents(options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('disable_events', {}, options)
  }

  /** Consume one more queue. */
  addConsumer(queue: string, options: AddConsumerOptions = {}): Promise<Reply[]> {
    const { exchange = null, exchangeType = 'direct', routingKey = null, options: more, ...rest } = options
    return this.#tell(
      'add_consumer',
      { queue, exchange, exchange_type: exchangeType, routing_key: routingKey, ...more },
      rest,
    )
  }

  /** Consume a queue no more. */
  cancelConsumer(queue: string, options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('cancel_consumer', { queue }, options)
  }

  /** Have so many more slots. */
  poolGrow(n: number = 1, options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('pool_grow', { n }, options)
  }

  /** Have so many fewer slots; what runs in them ends first. */
  poolShrink(n: number = 1, options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('pool_shrink', { n }, options)
  }

  /** Replace the processes of the pool, so that changed code is run. */
  poolRestart(options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('pool_restart', {}, options)
  }

  /** Change between how many slots workers with `--autoscale` choose. */
  autoscale(max: number, min: number, options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('autoscale', { max, min }, options)
  }

  /** Let workers send a heartbeat event now. */
  heartbeat(options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('heartbeat', {}, options)
  }

  /** Let workers elect one among them, who then does `action`. */
  election(id: string, topic: string, action: unknown, options: TellOptions = {}): Promise<Reply[]> {
    return this.#tell('election', { id, topic, action }, options)
  }

  /** Tell workers to shut down warmly. They do not answer. */
  shutdown(options: Omit<TellOptions, 'reply'> = {}): Promise<Reply[]> {
    return this.#tell('shutdown', {}, options)
  }

  /** Remove all tasks that wait in these queues (default: all that are declared). Answers how many. */
  async purge(queues?: readonly string[]): Promise<number> {
    const connection = await this.#parts.connection()
    const names = queues ?? (await this.#parts.queues())
    return connection.withChannel(async (channel) => {
      let count = 0
      for (const name of names) count += await channel.queuePurge(name)
      return count
    })
  }

  async #tell(command: string, args: Arguments, { reply = false, ...options }: TellOptions): Promise<Reply[]> {
    if (reply) return this.ask(command, { ...options, arguments: args })
    await this.broadcast(command, { ...options, arguments: args })
    return []
  }

  /** Celery's DuplicateNodenameWarning. */
  #warnOfDuplicates(replies: readonly Reply[]): void {
    const names = replies.flatMap((reply) => Object.keys(reply))
    const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
    if (twice.size === 0) return
    this.#parts.logger.warning(
      `Received several replies from ${[...twice].sort().join(', ')}: give each worker a name of its own (--hostname)`,
    )
  }
}

function listOf(ids: string | readonly string[]): readonly string[] {
  return typeof ids === 'string' ? [ids] : [...ids]
}
