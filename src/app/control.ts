/** The caller's side of remote control: ask all workers, or some of them, and gather what they say. */
import type { RevokeOptions } from '../result/async-result.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Mailbox, Reply } from '../messaging/mailbox.ts'

export type { Reply }

/** Whom a command is for, and how long its replies are gathered. */
export interface BroadcastOptions {
  /** Node names; default all. */
  readonly destination?: readonly string[]
  /** Only nodes whose name matches. */
  readonly pattern?: string
  /** How the pattern is read. Default `glob`. */
  readonly matcher?: 'glob' | 'pcre'
  /** How long replies are gathered, in seconds. Default 1. */
  readonly timeout?: number
  /** Stop after so many replies. Default: as many as there are destinations. */
  readonly limit?: number
  /** The arguments of the command. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** What remote control needs of its app. */
export interface ControlParts {
  readonly mailbox: () => Promise<Mailbox>
  readonly connection: () => Promise<BrokerConnection>
  /** Names of the queues that are declared. */
  readonly queues: () => Promise<readonly string[]>
}

/** Remote control of the workers. Its verbs reject with `OperationalError` where the broker cannot be had. */
export class Control {
  readonly #parts: ControlParts

  constructor(parts: ControlParts) {
    this.#parts = parts
  }

  /** Which workers are there? One reply a worker: `{ "celery@host": { ok: "pong" } }`. */
  ping(options: BroadcastOptions = {}): Promise<Reply[]> {
    return this.ask('ping', options)
  }

  /** Send a command and gather the replies until the time is over. */
  async ask(command: string, options: BroadcastOptions = {}): Promise<Reply[]> {
    const { timeout = 1, limit = options.destination?.length, ...rest } = options
    const mailbox = await this.#parts.mailbox()
    return mailbox.ask({
      ...rest,
      method: command,
      arguments: options.arguments ?? {},
      timeoutMs: timeout * 1000,
      ...(limit === undefined ? {} : { limit }),
    })
  }

  /** Send a command and do not wait for replies. */
  async broadcast(command: string, options: Omit<BroadcastOptions, 'timeout' | 'limit'> = {}): Promise<void> {
    const mailbox = await this.#parts.mailbox()
    await mailbox.broadcast({ ...options, method: command, arguments: options.arguments ?? {} })
  }

  /** Tell all workers to drop these tasks, or with `terminate` to end them. */
  revoke(taskIds: string | readonly string[], options: RevokeOptions = {}): Promise<void> {
    const { terminate = false, signal = 'SIGTERM' } = options
    const ids = typeof taskIds === 'string' ? [taskIds] : [...taskIds]
    return this.broadcast('revoke', { arguments: { task_id: ids, terminate, signal } })
  }

  /** Tell workers to shut down warmly. */
  shutdown(options: Pick<BroadcastOptions, 'destination' | 'pattern' | 'matcher'> = {}): Promise<void> {
    return this.broadcast('shutdown', options)
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
}
