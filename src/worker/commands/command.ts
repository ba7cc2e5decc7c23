/** SEAM Command: one remote control command as a row: its name, and what the worker does and answers. */
import type { WorkerState } from '../state.ts'

/** What commands may do to their worker. */
export interface CommandTarget {
  readonly hostname: string
  readonly state: WorkerState
  /** End a task by force: false where it does not run, or the pool cannot. */
  terminate(key: number, signal: NodeJS.Signals): boolean
  /** Begin to stop; answers at once. */
  shutdown(): void
}

/** The arguments that came with a command. */
export type CommandArguments = Readonly<Record<string, unknown>>

/** One command. */
export interface Command {
  readonly name: string
  readonly kind: 'inspect' | 'control'
  /** The answer; undefined sends none. Throwing answers `{ error }`. */
  run(target: CommandTarget, args: CommandArguments): unknown
}
