/**
 * One child process, seen from the parent: spawns it, turns its frames into calls of a listener and its output into log
 * lines, and tells its end once, when all that it reported before has been told. What a child is for is `prefork.ts`.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess as NodeChildProcess } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import type { EncodedResult } from '../../backend/backend.ts'
import { LOG_LEVELS } from '../../util/logger.ts'
import type { LogFields, Logger, LogLevel } from '../../util/logger.ts'
import { FrameReader, FrameWriter } from './frames.ts'
import type { Frame } from './frames.ts'
import * as ipc from './ipc.ts'
import { OutputLines } from './output.ts'
import type { Job } from './pool.ts'

/** How a child ended: its exit code, the name of the signal, or the error that kept it from being spawned. */
export type Exit = number | string

/** What a child tells. */
export interface ChildListener {
  onReady(): void
  onResult(key: number, result: EncodedResult): void
  onDone(done: ipc.Done): void
  onBack(keys: readonly number[]): void
  /** All frames that were there have been told: the moment for what is done once for many. */
  onPause(): void
  /** The process is gone and so is its pipe: nothing follows. Called once, also for one that could not be spawned. */
  onExit(exit: Exit): void
}

export interface ChildProcessOptions {
  /** The child's program: a JavaScript file. */
  readonly entry: string
  readonly start: ipc.Start
  readonly logger: Logger
  /** The level at which its standard output and error are logged; `inherit` lets them go where the worker's go. */
  readonly output: LogLevel | 'inherit'
}

/** What a child says before it is ready explains why it never will be: so many lines of it are kept. */
const TAIL_LINES = 30
/** The pipes of a child that is gone end at once, unless a program that it started holds them: then not later. */
const PIPE_END_MS = 1000
const UNKNOWN_EXIT = -1

export class ChildProcess {
  /** `ForkPoolWorker-1`. */
  readonly name: string
  readonly #process: NodeChildProcess
  readonly #commands: Duplex
  readonly #writer = new FrameWriter()
  readonly #logger: Logger
  readonly #listener: ChildListener
  #tail: string[] | undefined = []
  #failure: string | undefined
  #flushes = false
  #exit: Exit | undefined
  #reportsEnded = false
  #allEnded = false
  #told = false

  /** Spawns it. Does not throw: a process that cannot be is one that exits. */
  constructor(options: ChildProcessOptions, listener: ChildListener) {
    this.name = options.start.name
    this.#logger = options.logger
    this.#listener = listener
    const output = options.output === 'inherit' ? 'inherit' : 'pipe'
    this.#process = spawn(process.execPath, [...childExecArgv(process.execArgv), options.entry], {
      // The last two are `ipc.COMMANDS_FD` and `ipc.REPORTS_FD`.
      stdio: ['ignore', output, output, 'pipe', 'pipe'],
      windowsHide: true,
    })
    this.#commands = this.#process.stdio[ipc.COMMANDS_FD] as Duplex
    // Writing to a child that is gone: its end is told by `exit`.
    this.#commands.on('error', () => undefined)
    if (options.output !== 'inherit') this.#logOutput(options.output)
    this.#listen()
    ipc.writeJson(this.#writer, ipc.START, options.start)
    this.#flushLater()
  }

  /** -1 where it could not be spawned. */
  get pid(): number {
    return this.#process.pid ?? -1
  }

  /** Why it did not become ready: the error that it told, else the last lines of its output. */
  get complaint(): string {
    return this.#failure ?? this.#tail?.join('\n') ?? ''
  }

  sendJob(job: Job): void {
    ipc.writeJob(this.#writer, job)
    this.#flushLater()
  }

  sendAbort(abort: ipc.Abort): void {
    ipc.writeJson(this.#writer, ipc.ABORT, abort)
    this.#flushLater()
  }

  sendRecall(): void {
    ipc.writePlain(this.#writer, ipc.RECALL)
    this.#flushLater()
  }

  sendLeave(): void {
    ipc.writePlain(this.#writer, ipc.LEAVE)
    this.#flushLater()
  }

  /** Harmless when it is gone. */
  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** All that is sent in one turn of the event loop is one write. */
  #flushLater(): void {
    if (this.#flushes) return
    this.#flushes = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#flushes = false
    const bytes = this.#writer.take()
    if (bytes !== undefined && this.#commands.writable) this.#commands.write(bytes)
  }

  #listen(): void {
    const reports = this.#process.stdio[ipc.REPORTS_FD] as Readable
    const reader = new FrameReader(this.#onFrame)
    reports.on('data', (chunk: Buffer) => {
      reader.push(chunk)
      this.#listener.onPause()
    })
    reports.on('error', () => undefined)
    reports.on('close', () => {
      this.#reportsEnded = true
      this.#tellExit()
    })
    this.#process.on('exit', (code, signal) => {
      this.#exit = signal ?? code ?? UNKNOWN_EXIT
      this.#tellExit()
      setTimeout(() => {
        this.#allEnded = true
        this.#tellExit()
      }, PIPE_END_MS).unref()
    })
    this.#process.on('close', () => {
      this.#allEnded = true
      this.#tellExit()
    })
    this.#process.on('error', (error) => {
      if (this.#process.pid !== undefined) return
      this.#failure = error.message
      this.#exit = error.message
      this.#allEnded = true
      this.#tellExit()
    })
  }

  /** The end of a child that never was ready is told with its last words. */
  #tellExit(): void {
    if (this.#exit === undefined || this.#told) return
    if (!this.#allEnded && (!this.#reportsEnded || this.#tail !== undefined)) return
    this.#told = true
    this.#listener.onExit(this.#exit)
  }

  readonly #onFrame = (kind: number, frame: Frame): void => {
    if (kind === ipc.DONE) this.#listener.onDone(ipc.readDone(frame))
    else if (kind === ipc.RESULT) {
      const { key, result } = ipc.readResult(frame)
      this.#listener.onResult(key, result)
    } else if (kind === ipc.BACK) this.#listener.onBack(ipc.readBack(frame))
    else if (kind === ipc.LOG) this.#log(ipc.readLog(frame))
    else if (kind === ipc.FAILED) this.#failure = frame.text()
    else if (kind === ipc.READY) {
      this.#tail = undefined
      this.#listener.onReady()
    }
  }

  #log({ level, message, fields }: ipc.ChildLog): void {
    writeLog(this.#logger, level, message, { ...fields, processName: this.name })
  }

  #logOutput(level: LogLevel): void {
    const fields = { processName: this.name }
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      const lines = new OutputLines((line) => {
        this.#keepTail(line)
        writeLog(this.#logger, level, line, fields)
      })
      stream?.setEncoding('utf8')
      stream?.on('data', (text: string) => {
        lines.push(text)
      })
      stream?.on('error', () => undefined)
      stream?.on('close', () => {
        lines.end()
      })
    }
  }

  #keepTail(line: string): void {
    if (this.#tail === undefined) return
    this.#tail.push(line)
    if (this.#tail.length > TAIL_LINES) this.#tail.shift()
  }
}

/** The lowest level that `logger` writes. */
export function lowestLevel(logger: Logger): LogLevel {
  return LOG_LEVELS.find((level) => logger.enabled(level)) ?? 'CRITICAL'
}

function writeLog(logger: Logger, level: LogLevel, message: string, fields: LogFields): void {
  if (level === 'DEBUG') logger.debug(message, fields)
  else if (level === 'INFO') logger.info(message, fields)
  else if (level === 'WARNING') logger.warning(message, fields)
  else if (level === 'ERROR') logger.error(message, fields)
  else logger.critical(message, fields)
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
