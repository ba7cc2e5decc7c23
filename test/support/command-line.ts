/** The command line inside the test's own process, with an app of the test's making. For the real one see `cli.ts`. */
import { EventEmitter } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { main } from '../../src/cli/main.ts'
import type { CliProcess } from '../../src/cli/session.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** What the command line sees as its process. */
export interface CommandLineOptions {
  /** What `-A` finds: anything with the methods that the command calls. By default there is no app. */
  readonly app?: object
  /** Is there a person at a terminal? Default false. */
  readonly terminal?: boolean
  /** What that person types. */
  readonly answer?: string
  readonly env?: Readonly<Record<string, string>>
  /** Default: a new folder. */
  readonly cwd?: string
}

/** How it went. */
export interface CommandLineResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly env: NodeJS.ProcessEnv
}

/** A stream that keeps what is written. */
export class Recorder {
  text = ''
  readonly isTTY: boolean

  constructor(isTTY: boolean = false) {
    this.isTTY = isTTY
  }

  write(text: string): boolean {
    this.text += text
    return true
  }
}

/** Thrown where the real process would be over. */
export class Exit extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit ${String(exitCode)}`)
    this.exitCode = exitCode
  }
}

/** A process that has a folder, streams and signals of its own. */
export class FakeProcess extends EventEmitter implements CliProcess {
  readonly stdin: CliProcess['stdin']
  readonly stdout: Recorder
  readonly stderr: Recorder
  readonly env: NodeJS.ProcessEnv
  readonly argv: readonly string[] = ['node', '/bin/celeriac.js']
  readonly execArgv: readonly string[] = []
  title = 'node'
  #cwd: string

  constructor(options: CommandLineOptions = {}) {
    super()
    const terminal = options.terminal ?? false
    const stdin: PassThrough & { isTTY?: boolean } = new PassThrough()
    stdin.isTTY = terminal
    if (options.answer !== undefined) stdin.write(`${options.answer}\n`)
    this.stdin = stdin
    this.stdout = new Recorder(terminal)
    this.stderr = new Recorder(terminal)
    this.env = { ...options.env }
    this.#cwd = options.cwd ?? temporaryDirectory()
  }

  cwd(): string {
    return this.#cwd
  }

  chdir(folder: string): void {
    this.#cwd = folder
  }

  umask(): number {
    return 0o022
  }

  exit(code: number): never {
    throw new Exit(code)
  }
}

/** Make what `-A app.mjs` finds in this folder. */
export function installApp(folder: string, app: object): void {
  const key = `celeriac test ${folder}`
  Object.assign(globalThis, { [key]: { [Symbol.for('celeriac.app')]: true, close: () => Promise.resolve(), ...app } })
  writeFileSync(join(folder, 'app.mjs'), `export const app = globalThis[${JSON.stringify(key)}]`)
}

/** Run `celeriac ARGV` to its end. */
export async function runCommandLine(
  argv: readonly string[],
  options: CommandLineOptions = {},
): Promise<CommandLineResult> {
  const process = new FakeProcess(options)
  if (options.app !== undefined) installApp(process.cwd(), options.app)
  const code = await main(options.app === undefined ? argv : ['-A', 'app.mjs', ...argv], process)
  return { code, stdout: process.stdout.text, stderr: process.stderr.text, env: process.env }
}
