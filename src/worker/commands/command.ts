/**
 * SEAM Command: one remote control command as a row: its name, how it is written on a command line, and what the worker
 * does and answers. Users add rows of their own with `app.addWorkerCommand`.
 */
import type { EventDispatcher } from '../../events/dispatcher.ts'
import type { Queue } from '../../messaging/queue.ts'
import type { Autoscaler } from '../autoscaler.ts'
import type { ComponentHost } from '../component.ts'
import type { Slots } from '../slots.ts'

/** What commands may do to their worker: all that components may, and what only they need. */
export interface CommandTarget extends ComponentHost {
  /** When the worker was made, by the app's clock, in monotonic milliseconds. */
  readonly startedMs: number
  /** At most so many messages are in hand; 0 is no limit. */
  readonly prefetchCount: number
  /** The broker in use, without its password. */
  readonly brokerUrl: string
  readonly events: EventDispatcher
  /** How many tasks run at a time. */
  readonly slots: Slots
  /** Where there is one, only it changes the slots. */
  readonly autoscaler: Autoscaler | undefined
  /** The queues that are consumed. */
  readonly queues: readonly Queue[]
  /** Declare and consume one more queue, also on later connections. Nothing happens where it is consumed already. */
  addQueue(queue: Queue): Promise<void>
  /** The rate limit of a task was changed: what waits for it goes by the new one, undefined is none. */
  resetRateLimit(taskName: string, rateLimit: string | number | undefined): void
  /** Stop consuming a queue, also on later connections. Nothing happens where it is not consumed. */
  cancelQueue(name: string): Promise<void>
  /** Take part in an election. */
  election(id: string, topic: string, action: unknown): void
  /** Say at once how the worker is doing; `freq` is how many seconds until the next time. */
  sendHeartbeat(freq: number): void
}

/** The arguments that came with a command, by name. They come from anywhere: check them (`arguments.ts`). */
export type CommandArguments = Readonly<Record<string, unknown>>

/** One argument, as it is written on a command line. */
export interface CommandArgument {
  readonly name: string
  /** From text to value; throws where it cannot be. Default: the text. */
  readonly cast?: (text: string) => unknown
}

/**
 * One command.
 *
 *     app.addWorkerCommand({
 *       name: 'free_slots',
 *       kind: 'inspect',
 *       help: 'How many tasks could start right now.',
 *       run: (worker) => ({ ok: worker.pool.free }),
 *     })
 */
export interface Command {
  readonly name: string
  /** `inspect` only looks; `control` changes something. */
  readonly kind: 'inspect' | 'control'
  /** Older names. */
  readonly aliases?: readonly string[]
  /** Positional arguments on a command line, in order. */
  readonly args?: readonly CommandArgument[]
  /** Takes all further positional arguments, as a list. */
  readonly variadic?: string
  /** How the arguments are written, for the help: `<task_name> <rate>`. */
  readonly signature?: string
  /** One sentence. */
  readonly help?: string
  /** Not in lists and not on the command line. Default false. */
  readonly hidden?: boolean
  /** False: the worker never answers, so that nobody need wait. Default true. */
  readonly answers?: boolean
  /** The answer, or a promise of it: plain data; undefined sends none. Throwing answers `{ error }`. */
  run(worker: CommandTarget, args: CommandArguments): unknown
}
