/** The caller's side of remote control, looking only: what workers say of themselves, by node name. */
import type { Reply } from '../messaging/mailbox.ts'
import { matchesPattern } from '../protocol/control.ts'
import type {
  ErrorReply,
  Matcher,
  OkReply,
  QueueInfo,
  RequestInfo,
  ScheduledInfo,
  StatsInfo,
} from '../protocol/control.ts'

/** Whom to ask, and how long. */
export interface InspectOptions {
  /** Node names; default all. */
  readonly destination?: readonly string[]
  /** Only nodes whose name matches. */
  readonly pattern?: string
  /** How the pattern is read: a shell's, or a regular expression. Default `glob`. */
  readonly matcher?: Matcher
  /** How long replies are gathered, in seconds. Default 1. */
  readonly timeout?: number
  /** Stop after so many replies. Default: as many as there are destinations. */
  readonly limit?: number
  /** Called with each reply as it comes. */
  readonly callback?: (reply: Reply) => void
}

/** What each node answered, by its name; nodes that could not say so. Empty where nobody answered in time. */
export type Answers<T> = Readonly<Record<string, T | ErrorReply>>

/** Sends a command and gathers what comes back. */
type Ask = (
  command: string,
  options: InspectOptions & { readonly arguments: Readonly<Record<string, unknown>> },
) => Promise<Reply[]>

/** Looks at workers. Its verbs reject with `OperationalError` where the broker cannot be had. */
export class Inspect {
  readonly #ask: Ask
  readonly #options: InspectOptions

  /** Made by `app.control.inspect()`. */
  constructor(ask: Ask, options: InspectOptions) {
    this.#ask = ask
    this.#options = options
  }

  /** Any command, such as one of your own (`app.addWorkerCommand`). */
  async ask<T = unknown>(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<Answers<T>> {
    const { pattern, matcher = 'glob' } = this.#options
    const replies = await this.#ask(command, { ...this.#options, arguments: args })
    const answers = Object.entries(Object.assign({}, ...replies) as Record<string, T | ErrorReply>)
    // Older workers than patterns answer all the same.
    const asked = answers.filter(([node]) => pattern === undefined || matchesPattern(node, pattern, matcher))
    return Object.fromEntries(asked)
  }

  /** Is it there? */
  ping(): Promise<Answers<{ readonly ok: 'pong' }>> {
    return this.ask('ping')
  }

  /** Tasks that run. `safe`: their arguments as short texts. */
  active(safe: boolean = false): Promise<Answers<readonly RequestInfo[]>> {
    return this.ask('active', safe ? { safe } : {})
  }

  /** Tasks that were received and wait for a free slot. */
  reserved(): Promise<Answers<readonly RequestInfo[]>> {
    return this.ask('reserved')
  }

  /** Tasks that are held until their time. */
  scheduled(): Promise<Answers<readonly ScheduledInfo[]>> {
    return this.ask('scheduled')
  }

  /** Ids of tasks that must not run. */
  revoked(): Promise<Answers<readonly string[]>> {
    return this.ask('revoked')
  }

  /** The tasks that it can run, with these of their options. */
  registered(...taskInfoItems: readonly string[]): Promise<Answers<readonly string[]>> {
    return this.ask('registered', { taskinfoitems: taskInfoItems })
  }

  /** Tasks in hand by their ids: for each id its stage (`active`, `reserved`, `ready`) and the task. */
  queryTask(
    ids: string | readonly string[],
  ): Promise<Answers<Readonly<Record<string, readonly ['active' | 'reserved' | 'ready', RequestInfo]>>>> {
    return this.ask('query_task', { ids: typeof ids === 'string' ? [ids] : ids })
  }

  /** Figures: tasks by name, uptime, the pool, the broker, resources used. */
  stats(): Promise<Answers<StatsInfo>> {
    return this.ask('stats')
  }

  /** The settings, under their wire names; secrets are masked. */
  conf(withDefaults: boolean = false): Promise<Answers<Readonly<Record<string, unknown>>>> {
    return this.ask('conf', { with_defaults: withDefaults })
  }

  /** The queues that it consumes. */
  activeQueues(): Promise<Answers<readonly QueueInfo[]>> {
    return this.ask('active_queues')
  }

  /** Versions, machine and settings as text. */
  report(): Promise<Answers<OkReply>> {
    return this.ask('report')
  }

  /** Its logical clock. */
  clock(): Promise<Answers<{ readonly clock: number }>> {
    return this.ask('clock')
  }

  /** The memory of its main process. */
  memsample(): Promise<Answers<string>> {
    return this.ask('memsample')
  }

  /** The samples that `memsample` has taken. */
  memdump(samples: number = 10): Promise<Answers<string>> {
    return this.ask('memdump', { samples })
  }

  /** Write a heap snapshot on its machine. It stands still meanwhile: give it a long `timeout`. */
  objgraph(): Promise<Answers<{ readonly filename: string }>> {
    return this.ask('objgraph')
  }
}
