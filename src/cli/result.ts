/** `celeriac result`: wait for a task and print what it returned. */
import type { Command } from 'commander'
import type { Celery } from '../celery.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { PROPAGATE_STATES } from '../protocol/states.ts'
import { didYouMean } from '../util/suggest.ts'
import { EXIT_FAILURE, type CommandRunner } from './command.ts'
import { jsonOption, seconds } from './options.ts'
import type { Session } from './session.ts'

interface ResultOptions {
  readonly task?: string
  readonly traceback?: boolean
  readonly timeout?: number
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts result 0199f1c2-7a3e-7b1c-9d55-3f0e7d6c2a10
  $ celeriac -A app.ts result 0199f1c2-7a3e-7b1c-9d55-3f0e7d6c2a10 --traceback
  $ celeriac -A app.ts result --timeout 5 --json $(celeriac -A app.ts call proj.add -a '[2, 2]')

Ends with 1 when the task failed.`

/** Add the command to the program. */
export function addResultCommand(program: Command, run: CommandRunner): void {
  program
    .command('result')
    .description('Wait for a task and print what it returned.')
    .argument('<id>', 'the id of the task')
    .option('-t, --task <name>', 'the name of the task, which must be one of the app')
    .option('--traceback', 'print the traceback of a failed task instead')
    .option('--timeout <seconds>', 'give up after so many seconds (default: wait for ever)', seconds)
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(result))
}

async function result(session: Session, options: ResultOptions, [id]: readonly string[]): Promise<number> {
  const app = await session.app()
  if (options.task !== undefined) await requireTask(app, options.task)
  const result = app.asyncResult(id ?? '')
  if (options.traceback === true) {
    session.output.line((await result.traceback()) ?? '')
    return 0
  }
  const value = await result.get({
    propagate: false,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  })
  const meta = await result.meta()
  const failed = PROPAGATE_STATES.has(meta.status)
  if (options.json === true) session.output.json(meta)
  else if (failed) session.output.error(`The task ${result.id} ended as ${meta.status}. ${String(value)}`)
  else session.output.value(value)
  return failed ? EXIT_FAILURE : 0
}

/** All tasks of an app share one backend, so all there is to do with the name is to find that it is misspelt. */
async function requireTask(app: Celery, name: string): Promise<void> {
  await app.importTasks()
  if (app.tasks.has(name)) return
  throw new ImproperlyConfigured(`The app has no task "${name}"${didYouMean(name, app.tasks.names())}`)
}
