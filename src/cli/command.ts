/** What a command is to the program: a function of the session, its own options and its arguments; and how it ends. */
import { Command, type Option } from 'commander'
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
/** Another process has the pidfile (`EX_CANTCREAT`, as in Celery). */
export const EXIT_CANTCREAT = 73
/** It did not work. */
export const EXIT_FAILURE = 1
/** The command line is wrong. */
export const EXIT_USAGE = 2

/** The program: its commands read their options from the environment too. */
export class Program extends Command {
  override createCommand(name?: string): Command {
    return new SubCommand(name)
  }
}

/**
 * A command whose options may also be given by Celery's environment variables for them: `CELERY_WORKER_CONCURRENCY` is
 * `worker --concurrency`, and `CELERY_WORKER_PURGE=1` is `worker --purge`.
 */
class SubCommand extends Command {
  override createOption(flags: string, description?: string): Option {
    const option = super.createOption(flags, description)
    const variable = `CELERY_${this.name()}_${option.name()}`.toUpperCase().replaceAll('-', '_')
    // A flag would be set by any value of its variable, also by 0.
    if (!option.required && !/^(?:1|true|yes|y|on|t)$/i.test(process.env[variable] ?? '')) return option
    return option.env(variable)
  }
}

/** An option's line in the help. All have their environment variable, so it is told once and not in each line. */
export function describeOption({ description, defaultValue }: Option): string {
  const hasDefault = defaultValue !== undefined && typeof defaultValue !== 'boolean'
  return hasDefault ? `${description} (default: ${String(defaultValue)})` : description
}
