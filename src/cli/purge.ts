/** `celeriac purge`: throw away all tasks that wait. Asks first. */
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { EXIT_FAILURE, type CommandRunner } from './command.ts'
import { commaList, jsonOption } from './options.ts'
import { count } from './output.ts'
import type { Session } from './session.ts'

interface PurgeOptions {
  readonly force?: boolean
  readonly queues?: readonly string[]
  readonly excludeQueues?: readonly string[]
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts purge
  $ celeriac -A app.ts purge -Q lopri,reports --force

There is no way back. Tasks that a worker has already taken, also those that wait for their time there, are not touched.`

/** Add the command to the program. */
export function addPurgeCommand(program: Command, run: CommandRunner): void {
  program
    .command('purge')
    .description('Throw away all tasks that wait in the queues.')
    .option('-f, --force', 'do not ask')
    .option('-Q, --queues <names>', 'only these queues, divided by commas', commaList)
    .option('-X, --exclude-queues <names>', 'all queues of the app but these, divided by commas', commaList)
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(purge))
}

async function purge(session: Session, options: PurgeOptions): Promise<number> {
  const app = await session.app()
  await app.prepare()
  const names = options.queues ?? [...app.queues.consumeFrom.keys()]
  const queues = names.filter((name) => options.excludeQueues?.includes(name) !== true)
  if (options.force !== true && !(await confirm(session, queues))) return EXIT_FAILURE
  const purged = await app.control.purge(queues)
  if (options.json === true) session.output.json({ messages: purged, queues })
  else if (purged === 0) session.output.line(`No messages purged from ${count(queues.length, 'queue')}`)
  else session.output.line(`Purged ${count(purged, 'message')} from ${count(queues.length, 'known task queue')}.`)
  return 0
}

async function confirm({ output, process }: Session, queues: readonly string[]): Promise<boolean> {
  const what = `This removes all tasks from ${queues.length === 1 ? 'the queue' : 'the queues'} ${queues.join(', ')}.`
  if (process.stdin.isTTY !== true) {
    output.error(`${what} There is no undo, and nobody to ask: repeat the command with --force.`)
    return false
  }
  process.stderr.write(`${what}\nThere is no undo. (-f does not ask.)\n`)
  process.stderr.write('Are you sure? [yes/NO] ')
  const reader = createInterface({ input: process.stdin })
  const answer = await reader.question('')
  reader.close()
  return /^y(es)?$/i.test(answer.trim())
}
