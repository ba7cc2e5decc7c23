/** `celeriac inspect` and `celeriac control`: remote control's commands, standard and the app's own, from the shell. */
import { Option, type Command } from 'commander'
import type { Reply } from '../app/control.ts'
import { InvalidTaskError } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'
import { commandTable, createCommands } from '../worker/commands/all.ts'
import type { Command as RemoteCommand } from '../worker/commands/command.ts'
import { EXIT_FAILURE, EXIT_UNAVAILABLE, EXIT_USAGE, type CommandRunner } from './command.ts'
import { commaList, jsonOption, seconds } from './options.ts'
import { count } from './output.ts'
import { isError, NOBODY, printReply } from './replies.ts'
import type { Session } from './session.ts'

interface ControlOptions {
  readonly timeout: number
  readonly destination?: readonly string[]
  readonly json?: boolean
  readonly list?: boolean
}

type Kind = RemoteCommand['kind']

/** Add `celeriac inspect` to the program. */
export function addInspectCommand(program: Command, run: CommandRunner): void {
  addRemoteCommand(program, run, 'inspect', 'Ask workers what they do, know and have.', [
    '$ celeriac -A app.ts inspect active',
    '$ celeriac -A app.ts inspect registered rate_limit -d celery@box1',
    '$ celeriac -A app.ts inspect stats --json | jq .',
  ])
}

/** Add `celeriac control` to the program. */
export function addControlCommand(program: Command, run: CommandRunner): void {
  addRemoteCommand(program, run, 'control', 'Tell workers to do something.', [
    '$ celeriac -A app.ts control rate_limit proj.add 10/m',
    '$ celeriac -A app.ts control add_consumer video -d celery@box1',
    '$ celeriac -A app.ts control terminate KILL 0192f1a0-...',
  ])
}

function addRemoteCommand(
  program: Command,
  run: CommandRunner,
  kind: Kind,
  description: string,
  examples: readonly string[],
): void {
  program
    .command(kind)
    .description(description)
    .argument('[command]', 'what to ask or tell; --list shows all')
    .argument('[arguments...]', 'its arguments')
    .option('-t, --timeout <seconds>', 'how long to wait for replies', seconds, 1)
    .option('-d, --destination <nodes>', 'only these workers, divided by commas', commaList)
    .addOption(jsonOption())
    .addOption(new Option('--list', 'show all commands, those of the app too'))
    .addHelpText('after', helpText(kind, examples))
    .action(run((session, options: ControlOptions, args) => runRemote(session, kind, options, args)))
}

function helpText(kind: Kind, examples: readonly string[]): string {
  const lines = visible(createCommands(), kind).map((command) => `  ${usageOf(command)}`)
  return [
    '',
    'Commands:',
    ...lines,
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
    `Ends with ${String(EXIT_UNAVAILABLE)} when no worker answers in time, with ${String(EXIT_FAILURE)} when one could not do it.`,
  ].join('\n')
}

async function runRemote(
  session: Session,
  kind: Kind,
  options: ControlOptions,
  [name, ...args]: readonly string[],
): Promise<number> {
  const app = await session.app()
  const commands = visible(app.workerCommands, kind)
  if (options.list === true) {
    listCommands(session, commands)
    return 0
  }
  const command = name === undefined ? undefined : commandTable(commands).get(name)
  if (command === undefined) return refuse(session, whichCommand(kind, name, commands))
  try {
    return await send(session, command, options, readArguments(command, args))
  } catch (error) {
    if (!(error instanceof InvalidTaskError)) throw error
    return refuse(session, `${kind} ${command.name}: ${error.message}\nUsage: ${kind} ${usageOf(command)}`)
  }
}

async function send(
  session: Session,
  command: RemoteCommand,
  { timeout, destination, json = false }: ControlOptions,
  args: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { control } = await session.app()
  const whom = { arguments: args, ...(destination === undefined ? {} : { destination }) }
  if (command.answers === false) {
    await control.broadcast(command.name, whom)
    return 0
  }
  const callback = (reply: Reply): void => {
    for (const [node, answer] of Object.entries(reply)) printReply(session.output, node, answer)
  }
  const replies = await control.ask(command.name, { ...whom, timeout, ...(json ? {} : { callback }) })
  return conclude(session, command.kind, replies, json)
}

function conclude(session: Session, kind: Kind, replies: readonly Reply[], json: boolean): number {
  const merged = Object.assign({}, ...replies) as Reply
  const answers = Object.values(merged)
  if (answers.length === 0) {
    session.output.error(NOBODY)
    return EXIT_UNAVAILABLE
  }
  if (json) session.output.json(kind === 'inspect' ? merged : replies)
  else if (kind === 'inspect' && !session.quiet) session.output.line(`\n${count(answers.length, 'node')} online.`)
  return answers.some(isError) ? EXIT_FAILURE : 0
}

/** Positional arguments under their names; what is left over goes to the variadic one. Throws `InvalidTaskError`. */
function readArguments(command: RemoteCommand, args: readonly string[]): Readonly<Record<string, unknown>> {
  const { args: declared = [], variadic } = command
  const rest = args.slice(declared.length)
  if (rest.length > 0 && variadic === undefined) throw new InvalidTaskError('That is one argument too many')
  const named = declared.slice(0, args.length).map(({ name, cast }, index): [string, unknown] => {
    const written = args[index] as string
    return [name, cast === undefined ? written : cast(written)]
  })
  const all = variadic === undefined || rest.length === 0 ? {} : { [variadic]: rest }
  return { ...Object.fromEntries(named), ...all }
}

function visible(commands: readonly RemoteCommand[], kind: Kind): RemoteCommand[] {
  const table = new Map(commands.map((command) => [command.name, command]))
  return [...table.values()]
    .filter((command) => command.kind === kind && command.hidden !== true)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function usageOf({ name, signature, args = [], variadic }: RemoteCommand): string {
  const written = [...args.map((arg) => `<${arg.name}>`), ...(variadic === undefined ? [] : [`[${variadic} ...]`])]
  return [name, signature ?? written.join(' ')].join(' ').trimEnd()
}

function listCommands({ output }: Session, commands: readonly RemoteCommand[]): void {
  output.table(
    ['Command', 'What it does'],
    commands.map((command) => [usageOf(command), command.help ?? '']),
  )
}

function whichCommand(kind: Kind, name: string | undefined, commands: readonly RemoteCommand[]): string {
  const names = commands.map((command) => command.name)
  const known = `There are: ${names.join(', ')}. (${kind} --list tells more)`
  if (name === undefined) return `Which command? ${known}`
  const hint = didYouMean(name, names)
  return `There is no ${kind} command "${name}"${hint === '' ? `. ${known}` : hint}`
}

function refuse({ output }: Session, message: string): number {
  output.error(message)
  return EXIT_USAGE
}
