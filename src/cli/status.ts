/** `celeriac status`: which workers are online. */
import type { Command } from 'commander'
import { EXIT_UNAVAILABLE, type CommandRunner } from './command.ts'
import { commaList, jsonOption, seconds } from './options.ts'
import { count } from './output.ts'
import { NOBODY, printReply } from './replies.ts'
import type { Session } from './session.ts'

interface StatusOptions {
  readonly timeout: number
  readonly destination?: readonly string[]
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts status
  $ celeriac -A app.ts status --timeout 5 -d celery@box1,celery@box2

Ends with ${String(EXIT_UNAVAILABLE)} when no worker answers in time.`

/** Add the command to the program. */
export function addStatusCommand(program: Command, run: CommandRunner): void {
  program
    .command('status')
    .description('Show which workers are online.')
    .option('-t, --timeout <seconds>', 'how long to wait for replies', seconds, 1)
    .option('-d, --destination <nodes>', 'ask only these workers, divided by commas', commaList)
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(status))
}

async function status(session: Session, { timeout, destination, json }: StatusOptions): Promise<number> {
  const app = await session.app()
  const replies = await app.control.ping({ timeout, ...(destination === undefined ? {} : { destination }) })
  const nodes = Object.entries(Object.assign({}, ...replies) as Record<string, unknown>)
  if (nodes.length === 0) {
    session.output.error(NOBODY)
    return EXIT_UNAVAILABLE
  }
  if (json === true) session.output.json(Object.fromEntries(nodes))
  else {
    for (const [node, answer] of nodes) printReply(session.output, node, answer, false)
    if (!session.quiet) session.output.line(`\n${count(nodes.length, 'node')} online.`)
  }
  return 0
}
