/** `celeriac call`: send a task by its name, registered here or not. */
import type { Command } from 'commander'
import type { PublishOptions } from '../canvas/options.ts'
import type { CommandRunner } from './command.ts'
import { isoTime, jsonArray, jsonObject, jsonOption, secondsOrTime, seconds } from './options.ts'
import type { Session } from './session.ts'

interface CallOptions extends Pick<PublishOptions, 'kwargs' | 'eta' | 'countdown' | 'expires' | 'serializer'> {
  readonly args?: readonly unknown[]
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac -A app.ts call proj.add --args '[2, 2]'
  $ celeriac -A app.ts call proj.add --kwargs '{"x": 2, "y": 2}' --countdown 10
  $ celeriac -b redis://localhost call proj.report --eta 2026-11-21T10:00:00Z --queue lopri`

/** Add the command to the program. */
export function addCallCommand(program: Command, run: CommandRunner): void {
  program
    .command('call')
    .description('Send a task by its name and print its id.')
    .argument('<task>', 'the name of the task, such as proj.add')
    .option('-a, --args <json>', 'positional arguments, as a JSON array', jsonArray)
    .option('-k, --kwargs <json>', 'named arguments, as a JSON object', jsonObject)
    .option('--eta <time>', 'not before this time (ISO 8601)', isoTime)
    .option('--countdown <seconds>', 'not before so many seconds from now', seconds)
    .option('--expires <time>', 'not after this time, in seconds from now or ISO 8601', secondsOrTime)
    .option('--serializer <name>', 'how the arguments are written')
    .option('--queue <name>', 'the queue to send to')
    .option('--exchange <name>', 'the exchange to publish to')
    .option('--routing-key <key>', 'the routing key to publish with')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(call))
}

async function call(
  session: Session,
  { args, json, ...options }: CallOptions,
  [name]: readonly string[],
): Promise<void> {
  const app = await session.app()
  const result = await app.sendTask(name ?? '', args ?? [], options)
  if (json === true) session.output.json({ id: result.id })
  else session.output.line(result.id)
}
