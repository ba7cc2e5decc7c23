/** What a command is to the program: a function of the session, its own options and its arguments. */
import type { Session } from './session.ts'

/** Runs a command. Answers the exit code where it is not 0. `options` are its own, `args` what stands beside them. */
export type CommandBody<Options> = (
  session: Session,
  options: Options,
  args: readonly string[],
) => Promise<number | undefined> | Promise<void>

/** Makes of a command's body what `commander` calls when the command was given. */
export type CommandRunner = <Options>(body: CommandBody<Options>) => (...parameters: unknown[]) => Promise<void>

/** Nobody answers: no worker, or no broker (`EX_UNAVAILABLE`, as in Celery). */
export const EXIT_UNAVAILABLE = 69
/** It did not work. */
export const EXIT_FAILURE = 1
/** The command line is wrong. */
export const EXIT_USAGE = 2
