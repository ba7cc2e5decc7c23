/**
 * `celeriac amqp`: a shell that speaks to the broker in AMQP's words, whatever broker it is. Runs one command, or those of
 * its standard input, or asks a person at the terminal for one after the other. What the commands are is `amqp-commands.ts`.
 */
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { CeleryError, ConnectionError } from '../errors.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Channel, Connection } from '../transport/transport.ts'
import { AMQP_COMMANDS, runAmqpCommand, usageOf } from './amqp-commands.ts'
import { EXIT_FAILURE, EXIT_UNAVAILABLE, type CommandRunner } from './command.ts'
import { jsonOption } from './options.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'
import { splitWords } from './words.ts'

interface AmqpOptions {
  readonly json?: boolean
}

const COMMANDS = Object.entries(AMQP_COMMANDS).map(
  ([name, command]) => [usageOf(name, command), command.about] as const,
)
const WIDTH = Math.max(...COMMANDS.map(([usage]) => usage.length))
const HELP = COMMANDS.map(([usage, about]) => `  ${usage.padEnd(WIDTH)}  ${about}`).join('\n')

const EXAMPLES = `
Commands:
${HELP}

Examples:
  $ celeriac amqp -b redis://localhost                   ask for commands
  $ celeriac -A app.ts amqp queue.declare lopri          run one
  $ celeriac -A app.ts amqp < commands.txt               run those of a file

Switches in brackets are yes or no. A command that fails is told of, and the shell goes on; without a terminal it ends with 1
then. In the shell, help shows the commands and exit leaves.`

/** Add the command to the program. */
export function addAmqpCommand(program: Command, run: CommandRunner): void {
  program
    .command('amqp')
    .description('Speak to the broker in the words of AMQP: declare, bind, publish, get.')
    .argument('[command...]', 'one command with its arguments; none for a shell')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(amqp))
}

async function amqp(session: Session, { json }: AmqpOptions, words: readonly string[]): Promise<number> {
  const app = await session.app()
  const shell = new AmqpShell(await app.connect(), session.output, json === true)
  try {
    if (words.length > 0) return await shell.run(words)
    return await ask(session, shell)
  } finally {
    await shell.close()
  }
}

/** Line after line, to the end of the input. A person knows that something failed; a program is told by the exit code. */
async function ask({ process, output }: Session, shell: AmqpShell): Promise<number> {
  const isPerson = process.stdin.isTTY === true && output.isTerminal
  const reader = createInterface({
    input: process.stdin,
    completer: complete,
    prompt: 'amqp> ',
    ...(isPerson ? { output: process.stdout as unknown as NodeJS.WritableStream } : {}),
  })
  let failed = false
  if (isPerson) reader.prompt()
  for await (const line of reader) {
    const words = wordsOf(line, output)
    if (words?.[0] === 'exit' || words?.[0] === 'quit') break
    if (words?.[0] === 'help') output.line(HELP)
    else if (words === undefined || (words.length > 0 && (await shell.run(words)) !== 0)) failed = true
    if (isPerson) reader.prompt()
  }
  reader.close()
  return failed && !isPerson ? EXIT_FAILURE : 0
}

/** Undefined, and told of, where the line cannot be read. `#` begins a comment. */
function wordsOf(line: string, output: Output): string[] | undefined {
  if (/^\s*#/.test(line)) return []
  try {
    return splitWords(line)
  } catch (error) {
    output.error(error instanceof Error ? error.message : String(error))
    return undefined
  }
}

/** The commands that begin like this. */
function complete(line: string): [string[], string] {
  const names = [...Object.keys(AMQP_COMMANDS), 'help', 'exit']
  return [names.filter((name) => name.startsWith(line)), line]
}

/** One channel, on which delivery tags mean something, made again where its connection was lost. */
class AmqpShell {
  readonly #broker: BrokerConnection
  readonly #output: Output
  readonly #json: boolean
  #open: { readonly connection: Connection; readonly channel: Channel } | undefined

  constructor(broker: BrokerConnection, output: Output, json: boolean) {
    this.#broker = broker
    this.#output = output
    this.#json = json
  }

  /** Run a command and show what it answers. Answers the exit code; not 0, and told of, where it failed. */
  async run(words: readonly string[]): Promise<number> {
    try {
      const { text, value } = await runAmqpCommand(await this.#channel(), words)
      if (this.#json) this.#output.json(value)
      else {
        if (text !== undefined) this.#output.line(text)
        else if (!isOk(value)) this.#output.value(value)
        this.#output.line(this.#output.style(['bold', 'green'], 'OK'))
      }
      return 0
    } catch (error) {
      if (!CeleryError.isCeleryError(error)) throw error
      this.#output.error(error.message)
      return error instanceof ConnectionError ? EXIT_UNAVAILABLE : EXIT_FAILURE
    }
  }

  async close(): Promise<void> {
    await this.#open?.channel.close().catch(() => undefined)
    await this.#broker.close()
  }

  async #channel(): Promise<Channel> {
    const { current } = this.#broker
    if (this.#open !== undefined && this.#open.connection === current) return this.#open.channel
    if (current === undefined) this.#output.note(`-> connecting to ${this.#broker.displayUrl}.`)
    const connection = await this.#broker.ensure({ maxRetries: 0 })
    this.#output.note('-> connected.')
    this.#open = { connection, channel: await connection.openChannel() }
    return this.#open.channel
  }
}

/** Nothing to be told but that it was done. */
function isOk(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'ok' in value
}
