/** A child that is a process of its own, seen from the parent: spawns it, and carries bytes over two pipes. */
import { spawn } from 'node:child_process'
import type { ChildProcess as NodeChildProcess } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { ChildHandle } from './child-handle.ts'
import type { ChildListener, ChildOptions } from './child-handle.ts'
import * as ipc from './ipc.ts'

const UNKNOWN_EXIT = -1

export class ChildProcess extends ChildHandle {
  readonly #process: NodeChildProcess
  readonly #commands: Duplex

  /** Spawns it. Does not throw: a process that cannot be is one that exits. */
  constructor(options: ChildOptions, listener: ChildListener) {
    super(options, listener)
    const output = options.output === 'inherit' ? 'inherit' : 'pipe'
    this.#process = spawn(process.execPath, [...childExecArgv(process.execArgv), options.entry], {
      // The last two are `ipc.COMMANDS_FD` and `ipc.REPORTS_FD`.
      stdio: ['ignore', output, output, 'pipe', 'pipe'],
      windowsHide: true,
    })
    this.#commands = this.#process.stdio[ipc.COMMANDS_FD] as Duplex
    // Writing to a child that is gone: its end is told by `exit`.
    this.#commands.on('error', () => undefined)
    if (options.output !== 'inherit') this.logOutput([this.#process.stdout, this.#process.stderr], options.output)
    this.#listen()
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  protected write(bytes: Buffer): void {
    if (this.#commands.writable) this.#commands.write(bytes)
  }

  #listen(): void {
    const reports = this.#process.stdio[ipc.REPORTS_FD] as Readable
    reports.on('data', (chunk: Buffer) => {
      this.receive(chunk)
    })
    reports.on('error', () => undefined)
    reports.on('close', () => {
      this.reportsEnded()
    })
    this.#process.on('exit', (code, signal) => {
      this.gone(signal ?? code ?? UNKNOWN_EXIT)
    })
    this.#process.on('close', () => {
      this.outputEnded()
    })
    this.#process.on('error', (error) => {
      if (this.#process.pid === undefined) this.failed(error.message)
    })
  }
}

/** Options whose value is the next argument and that say what to run: a child has its own program. */
const EVALUATES: ReadonlySet<string> = new Set(['-e', '--eval', '-p', '--print', '-pe'])

/** The options of this Node for a child: without a program of their own, and without its debugger's port. */
export function childExecArgv(execArgv: readonly string[]): string[] {
  return execArgv.filter((argument, index) => {
    const before = execArgv[index - 1]
    const isValue = before !== undefined && EVALUATES.has(before)
    return !isValue && !EVALUATES.has(argument) && !/^--(inspect|debug|eval=|print=)/.test(argument)
  })
}
