/** `celeriac migrate`: tasks from one broker to another. */
import type { Command } from 'commander'
import { migrateTasks } from '../app/migrate.ts'
import type { MigrationResult } from '../messaging/migration.ts'
import { EXIT_FAILURE, type CommandRunner } from './command.ts'
import { commaList, jsonOption, positiveNumber, seconds } from './options.ts'
import { count, type Output } from './output.ts'
import { createProgress } from './progress.ts'
import type { CliProcess, Session } from './session.ts'

interface MigrateOptions {
  readonly limit?: number
  readonly timeout: number
  readonly ackMessages?: boolean
  readonly tasks?: readonly string[]
  readonly queues?: readonly string[]
  readonly forever?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts migrate redis://old amqp://new                  copy what waits
  $ celeriac -A app.ts migrate redis://old amqp://new --ack-messages   move it
  $ celeriac migrate redis://old redis://new -a -Q video,old:new -T proj.encode -n 1000

Without -a the messages stay at the source as well. With -a each is taken away there once the destination has confirmed it:
killed at any moment, nothing is lost, and a few may be at both. Without -Q the queues of the app are migrated.
Tasks with an eta are among them, but not those that wait in RabbitMQ for their time.
Options of a transport belong into its URL. Ends with 1 when it was interrupted.`

/** Add the command to the program. */
export function addMigrateCommand(program: Command, run: CommandRunner): void {
  program
    .command('migrate')
    .description('Copy or move tasks from one broker to another.')
    .argument('<source>', 'the URL of the broker to take from')
    .argument('<destination>', 'the URL of the broker to publish to')
    .option('-n, --limit <number>', 'so many tasks at most', positiveNumber)
    .option('-t, --timeout <seconds>', 'end when nothing has come for so long', seconds, 1)
    .option('-a, --ack-messages', 'move instead of copying: acknowledge at the source what was migrated')
    .option('-T, --tasks <names>', 'only tasks of these names, divided by commas', commaList)
    .option('-Q, --queues <names>', 'only these queues, divided by commas; old:new changes the name', commaList)
    .option('-F, --forever', 'go on until interrupted')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(migrate))
}

async function migrate(
  session: Session,
  { json, ...options }: MigrateOptions,
  [source = '', destination = '']: readonly string[],
): Promise<number> {
  const { process, output, quiet } = session
  const app = await session.app()
  const interrupt = interruption(process)
  const progress = createProgress(quiet ? { write: () => undefined } : process.stderr, 'Migrating')
  try {
    const result = await migrateTasks(app, source, destination, {
      ...options,
      signal: interrupt.signal,
      onProgress: ({ moved, skipped, total }) => {
        progress.update(moved + skipped, Math.min(total, options.limit ?? Infinity))
      },
    })
    progress.stop()
    if (json === true) output.json(result)
    else tell(output, result, options)
    return result.aborted && options.forever !== true ? EXIT_FAILURE : 0
  } finally {
    progress.stop()
    interrupt.unwatch()
  }
}

function tell(output: Output, result: MigrationResult, { ackMessages, tasks }: MigrateOptions): void {
  const { moved, skipped, remaining, refused } = result
  for (const { queue, reason } of refused) output.note(`Nothing was read from the queue "${queue}": ${reason}`)
  const others = tasks === undefined ? '' : `, ${count(skipped, 'other')} left where they were`
  output.line(`${ackMessages === true ? 'Moved' : 'Copied'} ${count(moved, 'message')}${others}.`)
  const kept = ackMessages === true ? skipped : skipped + moved
  const late = remaining - kept
  if (late > 0) {
    output.note(`${count(late, 'message')} more at the source.`)
  }
}

/** The first Ctrl+C or SIGTERM ends after the messages that are on their way; the next one ends the process. */
function interruption(process: CliProcess): { readonly signal: AbortSignal; unwatch(): void } {
  const abort = new AbortController()
  const unwatch = (): void => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, end)
  }
  const end = (): void => {
    abort.abort()
    unwatch()
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, end)
  return { signal: abort.signal, unwatch }
}
