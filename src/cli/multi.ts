/**
 * `celeriac multi`: several workers of one machine by one command. The arguments are not those of other commands
 * (`multi/arguments.ts`), so they do not go through `commander`.
 */
import { constants } from 'node:os'
import { resolve } from 'node:path'
import type { Command, Option } from 'commander'
import { ImproperlyConfigured } from '../errors.ts'
import { expandNodename } from '../protocol/nodename.ts'
import { didYouMean } from '../util/suggest.ts'
import { EXIT_FAILURE, EXIT_USAGE } from './command.ts'
import { readArguments } from './multi/arguments.ts'
import type { MultiArguments, TakesValue } from './multi/arguments.ts'
import { ownerOf, signalNode, startNode, waitUntilDown } from './multi/cluster.ts'
import { createNodes, OWN_FLAGS } from './multi/nodes.ts'
import type { Node } from './multi/nodes.ts'
import { Output } from './output.ts'
import type { CliProcess } from './session.ts'
import { packageVersion } from '../app/version.ts'

export const MULTI = 'multi'

const HELP = `Usage: celeriac multi COMMAND NODES [options]

Start, stop and restart several workers of this machine.

Commands:
  start NODES              start them in the background; ends when all are up
  stop NODES               send them a signal, by default TERM (running tasks end first)
  stopwait NODES           the same, and wait until they are gone (also: stop_verify)
  restart NODES            stop them, and start each as soon as it is gone
  kill NODES               kill them; what they run is cut off
  show NODES               print the commands that start them
  names NODES              print their node names
  expand TEMPLATE NODES    print the template for each: %n is its name, %h its host, %p both
  get NODE NODES           print the arguments of one of them
  help                     print this

NODES are names, or a number: 3 is celery1, celery2 and celery3. A name without a host gets this machine's.

Options of multi:
  -TERM, -QUIT, -9 ...     the signal of stop, stopwait and restart
  --prefix, --suffix, --range-prefix <text>
                           before names, after the @, before numbers (default: celery)
  --cmd <text>             what is run (default: worker --detach)
  --append <text>          more arguments for it
  --executable <file>      the Node.js that runs it
  --pidfile, --logfile <file>
                           default: /var/run/celery/%n.pid, /var/log/celery/%n%I.log; the folders are made
  --quiet, --verbose, --nosplash, --no-color

All other options are the worker's. For some nodes only: -c:1-3 10, -Q:video,2 media; numbers count the nodes from 1.

Examples:
  $ celeriac multi start 3 -A app.ts -l info --pidfile=run/%n.pid --logfile=log/%n.log
  $ celeriac multi start web video -A app.ts -Q:web default -Q:video media -c:video 2
  $ celeriac multi restart web video -A app.ts -Q:web default -Q:video media -c:video 2
  $ celeriac multi stopwait 3 --pidfile=run/%n.pid
`

/** For the help of the program; the command line never gets as far as its action. */
export function addMultiCommand(program: Command): void {
  program.command(MULTI).description('Start, stop and restart several workers of this machine.').helpOption(false)
}

/** Where `multi` stands in a command line, behind global options only; -1 where another command is meant. */
export function findMulti(argv: readonly string[], program: Command): number {
  for (let index = 0; index < argv.length; index += 1) {
    const arg = argv[index] ?? ''
    if (arg === MULTI) return index
    if (!arg.startsWith('-')) return -1
    const option = program.options.find(({ short, long }) => short === arg || long === arg)
    if (option?.required === true) index += 1
  }
  return -1
}

/** Run `celeriac multi ARGS`. Resolves with the exit code; throws `ImproperlyConfigured` for arguments that are wrong. */
export async function runMulti(args: readonly string[], program: Command, process: CliProcess): Promise<number> {
  const multi = new Multi(args, program, process)
  return multi.run()
}

/** Flags that are for multi itself. */
const RESERVED = new Set(['--quiet', '-q', '--verbose', '--nosplash', '--no-color', '-C'])

class Multi {
  readonly #process: CliProcess
  readonly #program: Command
  readonly #output: Output
  readonly #flags: ReadonlySet<string>
  readonly #args: readonly string[]

  constructor(args: readonly string[], program: Command, process: CliProcess) {
    this.#flags = new Set(args.filter((arg) => RESERVED.has(arg)))
    this.#args = args.filter((arg) => !RESERVED.has(arg))
    this.#process = process
    this.#program = program
    this.#output = new Output({
      stdout: process.stdout,
      stderr: process.stderr,
      color: !this.#flags.has('--no-color') && !this.#flags.has('-C') && !process.env['NO_COLOR'],
      quiet: this.#flags.has('--quiet') || this.#flags.has('-q'),
    })
  }

  async run(): Promise<number> {
    const [command = 'help', ...args] = this.#args
    switch (command) {
      case 'start':
        return this.#start(this.#nodes(args))
      case 'stop':
        return this.#stop(args, false)
      case 'stopwait':
      case 'stop_verify':
        return this.#stop(args, true)
      case 'restart':
        return this.#restart(args)
      case 'kill':
        return this.#kill(this.#nodes(args))
      case 'show':
        return this.#print(this.#nodes(args).map((node) => node.command.map(quote).join(' ')))
      case 'names':
        return this.#print(this.#nodes(args).map(({ nodename }) => nodename))
      case 'expand':
        return this.#expand(args)
      case 'get':
        return this.#get(args)
      case 'help':
      case '--help':
      case '-h':
        this.#process.stdout.write(HELP)
        return 0
      default:
        this.#output.error(`multi has no command "${command}"${didYouMean(command, COMMANDS)}`)
        return EXIT_USAGE
    }
  }

  async #start(nodes: readonly Node[]): Promise<number> {
    this.#splash('Starting nodes...')
    return this.#startAll(nodes)
  }

  /** One after the other: two that start at a time do so no faster. */
  async #startAll(nodes: readonly Node[]): Promise<number> {
    let failed = 0
    for (const node of nodes) if (!(await this.#startOne(node))) failed += 1
    return failed === 0 ? 0 : EXIT_FAILURE
  }

  async #startOne(node: Node): Promise<boolean> {
    if (this.#flags.has('--verbose')) this.#say(`  ${node.command.map(quote).join(' ')}`)
    const { exitCode, output } = await startNode(node, this.#process.cwd())
    this.#say(`\t> ${node.nodename}: ${exitCode === 0 ? this.#good('OK') : this.#bad('FAILED')}`)
    if (exitCode !== 0) this.#process.stderr.write(output)
    return exitCode === 0
  }

  async #stop(args: readonly string[], wait: boolean): Promise<number> {
    const { signal, rest } = takeSignal(args)
    const nodes = this.#nodes(rest)
    this.#splash('Stopping nodes...')
    const stopped = this.#signalAll(nodes, signal)
    if (wait) for (const { node, pid } of stopped) await this.#waitUntilDown(node, pid)
    return 0
  }

  async #restart(args: readonly string[]): Promise<number> {
    const { signal, rest } = takeSignal(args)
    const nodes = this.#nodes(rest)
    this.#splash('Restarting nodes...')
    const stopped = new Map(this.#signalAll(nodes, signal).map(({ node, pid }) => [node, pid]))
    let failed = 0
    for (const node of nodes) {
      const pid = stopped.get(node)
      if (pid !== undefined) await this.#waitUntilDown(node, pid)
      if (!(await this.#startOne(node))) failed += 1
    }
    return failed === 0 ? 0 : EXIT_FAILURE
  }

  #kill(nodes: readonly Node[]): number {
    this.#splash('Killing nodes...')
    this.#signalAll(nodes, 'SIGKILL')
    return 0
  }

  #signalAll(nodes: readonly Node[], signal: NodeJS.Signals): { node: Node; pid: number }[] {
    return nodes.flatMap((node) => {
      const pid = signalNode(node, signal)
      const what = pid === undefined ? this.#bad('DOWN') : `${signal.replace('SIG', '')} -> ${String(pid)}`
      this.#say(`\t> ${node.nodename}: ${what}`)
      return pid === undefined ? [] : [{ node, pid }]
    })
  }

  async #waitUntilDown(node: Node, pid: number): Promise<void> {
    if (ownerOf(node) === pid) this.#say(`\t> ${node.nodename}: waiting for ${String(pid)}`)
    await waitUntilDown(node, pid)
    this.#say(`\t> ${node.nodename}: ${this.#good('gone')}`)
  }

  #expand([template, ...args]: readonly string[]): number {
    if (template === undefined)
      throw new ImproperlyConfigured('celeriac multi expand TEMPLATE NODES: there is no template')
    return this.#print(this.#nodes(args).map(({ nodename }) => expandNodename(template, nodename)))
  }

  #get([wanted, ...args]: readonly string[]): number {
    const nodes = this.#nodes(args)
    const node = nodes.find(({ nodename }) => nodename === wanted || nodename.split('@')[0] === wanted)
    if (node !== undefined) return this.#print([node.command.slice(1).map(quote).join(' ')])
    const names = nodes.map(({ nodename }) => nodename)
    throw new ImproperlyConfigured(`There is no node "${wanted ?? ''}"; there are ${names.join(', ')}`)
  }

  #nodes(args: readonly string[]): Node[] {
    const read: MultiArguments = readArguments(args, this.#takesValue)
    const nodes = createNodes(read, {
      executable: globalThis.process.execPath,
      script: this.#process.argv[1] ?? '',
      isGlobal: (flag) => this.#program.options.some(isOption(flag)),
    })
    return nodes.map((node) => ({
      ...node,
      pidfile: this.#resolve(node.pidfile),
      logfile: this.#resolve(node.logfile),
    }))
  }

  readonly #takesValue: TakesValue = (flag) => {
    if (OWN_FLAGS.includes(flag) || flag === '-p') return true
    const worker = this.#program.commands.find((command) => command.name() === 'worker')
    const option = [...this.#program.options, ...(worker?.options ?? [])].find(isOption(flag))
    return option?.required
  }

  #resolve(file: string): string {
    return resolve(this.#process.cwd(), file)
  }

  #splash(what: string): void {
    if (!this.#flags.has('--nosplash')) this.#say(`celeriac multi v${packageVersion()}`)
    this.#say(`> ${what}`)
  }

  #say(text: string): void {
    this.#output.banner(`${text}\n`)
  }

  #print(lines: readonly string[]): number {
    for (const line of lines) this.#output.line(line)
    return 0
  }

  #good(text: string): string {
    return this.#output.style('green', text)
  }

  #bad(text: string): string {
    return this.#output.style('red', text)
  }
}

const COMMANDS = [
  'start',
  'stop',
  'stopwait',
  'stop_verify',
  'restart',
  'kill',
  'show',
  'names',
  'expand',
  'get',
  'help',
]

function isOption(flag: string): (option: Option) => boolean {
  return ({ short, long }) => short === flag || long === flag
}

/** `-TERM`, `-SIGINT`, `-9`; the last one counts. */
function takeSignal(args: readonly string[]): { signal: NodeJS.Signals; rest: string[] } {
  const end = args.indexOf('--')
  let signal: NodeJS.Signals = 'SIGTERM'
  const rest = args.filter((arg, index) => {
    const found = end === -1 || index < end ? signalNamed(arg) : undefined
    signal = found ?? signal
    return found === undefined
  })
  return { signal, rest }
}

function signalNamed(arg: string): NodeJS.Signals | undefined {
  const text = /^-([A-Z0-9]+)$/.exec(arg)?.[1]
  if (text === undefined) return undefined
  const all = Object.entries(constants.signals)
  return all.find(([name, number]) => name === text || name === `SIG${text}` || String(number) === text)?.[0] as
    NodeJS.Signals | undefined
}

/** For a shell, where that is necessary. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
