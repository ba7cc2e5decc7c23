/** The command `celeriac`, as built, in a process of its own; and projects for it to work on. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ROOT } from './sources.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

/** Where a command runs, and what is around it. */
export interface CliOptions {
  /** The working directory. */
  readonly cwd: string
  /** More environment variables; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Written to its standard input, which is closed then. */
  readonly input?: string
  /** Open files that take its output, instead of this process. */
  readonly stdout?: number
  readonly stderr?: number
}

/** How a command ended. */
export interface CliResult {
  /** The exit code; null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder that looks like a user's project: these files by name, and the package `celeriac` installed. */
export function makeProject(files: Readonly<Record<string, string>>): string {
  const folder = temporaryDirectory()
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/celeriac'))
  for (const [name, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** Run a command to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return startCli(args, options).ended
}

/** Start a command that goes on, such as a worker. It is killed when the test ends, if it still runs then. */
export function startCli(args: readonly string[], options: CliOptions): RunningCli {
  const cli = new RunningCli(args, options)
  onTestFinished(() => cli.kill())
  return cli
}

/** A command that was started. */
export class RunningCli {
  /** How it ended, once it has. */
  readonly ended: Promise<CliResult>
  readonly #process: ChildProcess
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], { cwd, env = {}, input, stdout, stderr }: CliOptions) {
    this.#process = spawn(process.execPath, [join(ROOT, 'bin/celeriac.js'), ...args], {
      cwd,
      env: { ...withoutOwnVariables(process.env), ...env },
      // A process group of its own, as a shell makes it: see `interrupt`.
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', stdout ?? 'pipe', stderr ?? 'pipe'],
    })
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.#process.stdin?.end(input)
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  /** All that it has printed so far, on both streams. */
  get output(): string {
    return this.#stdout + this.#stderr
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** What Ctrl+C does: SIGINT for the command and all its child processes. */
  interrupt(): void {
    process.kill(-this.pid, 'SIGINT')
  }

  /** Wait until it has printed something like this; the match. Fails at once when it ends without. */
  async sees(pattern: RegExp, timeoutMs = 15_000): Promise<RegExpExecArray> {
    const match = await waitFor(() => pattern.exec(this.output) ?? (this.#isOver() ? 'over' : undefined), {
      timeoutMs,
      what: 'output',
    }).catch((error: unknown) => {
      throw new Error(`No output like ${String(pattern)} in:\n${this.output}`, { cause: error })
    })
    if (match === 'over') throw new Error(`The command ended without printing ${String(pattern)}:\n${this.output}`)
    return match
  }

  /** End it by force, if it still runs. */
  async kill(): Promise<void> {
    if (this.#isOver()) return
    this.#process.kill('SIGKILL')
    await this.ended
  }

  #isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }
}

/** A developer's own settings must not change what a test sees. */
function withoutOwnVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(CELER(Y|IAC)_|REMAP_SIGTERM|NO_COLOR)/.test(name)),
  )
}
