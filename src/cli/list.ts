/** `celeriac list`: what the broker knows. */
import type { Command } from 'commander'
import { EXIT_FAILURE, type CommandRunner } from './command.ts'
import { jsonOption } from './options.ts'
import type { Session } from './session.ts'

interface ListOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts list bindings
  $ celeriac -b redis://localhost list bindings --json`

/** Add the command to the program. */
export function addListCommand(program: Command, run: CommandRunner): void {
  const list = program.command('list').description('List what the broker knows.').addHelpText('after', EXAMPLES)
  list
    .command('bindings')
    .description('List queues, with the exchange and routing key that each is bound by.')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(listBindings))
}

async function listBindings(session: Session, options: ListOptions): Promise<number> {
  const app = await session.app()
  const broker = await app.connect()
  const bindings = await broker.withChannel(async (channel) => channel.listBindings?.()).finally(() => broker.close())
  if (bindings === undefined) {
    session.output.error('This transport cannot list bindings.')
    return EXIT_FAILURE
  }
  if (options.json === true) session.output.json(bindings)
  else {
    const rows = bindings.map(({ queue, exchange, routingKey }) => [queue, exchange, routingKey])
    session.output.table(['Queue', 'Exchange', 'Routing Key'], rows)
  }
  return 0
}
