/**
 * `celeriac completion`: what a shell needs to complete our command lines. The script is a few lines, which ask
 * `celeriac completion words` for what may stand at the cursor: the commands and options are those of the program itself,
 * tasks and queues those of the app.
 */
import { Argument, type Command, type Option } from 'commander'
import type { Celery } from '../celery.ts'
import { LOG_LEVELS } from '../util/logger.ts'
import { AMQP_COMMANDS } from './amqp-commands.ts'
import type { CommandRunner } from './command.ts'
import { Session, type GlobalOptions } from './session.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

const EXAMPLES = `
Examples:
  $ celeriac completion bash >> ~/.bashrc
  $ celeriac completion zsh >> ~/.zshrc
  $ celeriac completion fish > ~/.config/fish/completions/celeriac.fish`

/** Where nothing is answered, the shell completes names of files. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `
_celeriac() {
  local IFS=$'\\n'
  COMPREPLY=($(celeriac completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _celeriac celeriac
`,
  zsh: `
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_celeriac() {
  local -a candidates
  candidates=("\${(@f)$(celeriac completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$candidates[1]" ]]; then compadd -- "\${candidates[@]}"; else _files; fi
}
compdef _celeriac celeriac
`,
  fish: `
function __celeriac_words
  set -l before (commandline -opc)
  celeriac completion words -- $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c celeriac -a '(__celeriac_words)'
`,
}

/** Add the command to the program, after all others. */
export function addCompletionCommand(program: Command, run: CommandRunner): void {
  const completion = program
    .command('completion')
    .description('Print what makes a shell complete commands, options, tasks and queues.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action(
      run(async ({ output }, _: object, [shell]) => {
        output.line(SCRIPTS[shell as Shell].trim())
      }),
    )
  completion
    .command('words', { hidden: true })
    .argument('[words...]')
    .action(
      run(async ({ output, process }, _: object, words) => {
        const place = findPlace(program, words)
        const session = new Session(place.globals, process)
        try {
          for (const candidate of await candidates(place, session)) output.line(candidate)
        } finally {
          await session.close()
        }
      }),
    )
}

/** Where the cursor is. */
interface Place {
  /** The command whose words these are. */
  readonly command: Command
  /** Whose value is to be completed. */
  readonly option: Option | undefined
  /** The command's arguments so far. */
  readonly args: readonly string[]
  readonly globals: GlobalOptions
  /** The word at the cursor, as far as it is there. */
  readonly word: string
}

/** Follow the words down to the cursor, which is in the last of them. */
function findPlace(program: Command, words: readonly string[]): Place {
  const globals: Record<string, unknown> = { color: true }
  let command = program
  let option: Option | undefined
  let args: string[] = []
  for (const word of words.slice(0, -1)) {
    if (option !== undefined) {
      if (program.options.includes(option)) globals[option.attributeName()] = word
      option = undefined
    } else if (word.startsWith('-')) {
      option = optionsOf(command).find(({ short, long, required }) => required && (word === short || word === long))
    } else {
      const below = command.commands.find((each) => each.name() === word)
      if (below === undefined) args.push(word)
      else {
        command = below
        args = []
      }
    }
  }
  return { command, option, args, globals: globals as unknown as GlobalOptions, word: words.at(-1) ?? '' }
}

/** Its own, and those of the program. */
function optionsOf(command: Command): Option[] {
  const { parent } = command
  return [...command.options, ...(parent === null ? [] : optionsOf(parent))]
}

async function candidates(place: Place, session: Session): Promise<string[]> {
  const { word, option, command } = place
  if (option !== undefined) return listed(word, await valuesOf(option, session))
  const all = word.startsWith('-') ? flagsOf(command) : await argumentsOf(place, session)
  return all.filter((candidate) => candidate.startsWith(word))
}

function flagsOf(command: Command): string[] {
  return ['--help', ...optionsOf(command).flatMap(({ long }) => long ?? [])]
}

/** Of a list with commas, the last part is completed. */
function listed(word: string, values: readonly string[]): string[] {
  const before = word.slice(0, word.lastIndexOf(',') + 1)
  return values.map((value) => before + value).filter((value) => value.startsWith(word))
}

async function valuesOf(option: Option, session: Session): Promise<readonly string[]> {
  if (option.argChoices !== undefined) return option.argChoices
  switch (option.attributeName()) {
    case 'loglevel':
      return LOG_LEVELS
    case 'queue':
    case 'queues':
    case 'excludeQueues':
      return (await appOf(session))?.queueNames() ?? []
    case 'task':
    case 'tasks':
      return (await appOf(session))?.tasks.names() ?? []
    default:
      return []
  }
}

async function argumentsOf({ command, args }: Place, session: Session): Promise<readonly string[]> {
  const below = command.createHelp().visibleCommands(command)
  if (below.length > 0 && args.length === 0) return below.map((each) => each.name())
  const choices = command.registeredArguments[args.length]?.argChoices
  if (choices !== undefined) return choices
  switch (command.registeredArguments[args.length]?.name()) {
    case 'task':
      return (await appOf(session))?.tasks.names() ?? []
    case 'entry':
    case 'entries':
      return entriesOf(session)
    default:
      return command.name() === 'amqp' && args.length === 0 ? Object.keys(AMQP_COMMANDS) : []
  }
}

/** Names of beat's timetable; none where the broker that keeps it is away. */
async function entriesOf(session: Session): Promise<readonly string[]> {
  const app = await appOf(session)
  const entries = await app?.schedule.list().catch(() => [])
  return entries?.map(({ name }) => name) ?? []
}

/** Without an app there is less to complete, and nobody to be told why. */
async function appOf(session: Session): Promise<Celery | undefined> {
  try {
    const app = await session.app()
    await app.importTasks()
    return app
  } catch {
    return undefined
  }
}
