/**
 * One child, seen from the parent, whatever it is made of: turns its frames into calls of a listener and its output into
 * log lines, and tells its end once, when all that it reported before has been told. `child-process.ts` and
 * `child-thread.ts` make one and carry the bytes; what a child is for is `child-pool.ts`.
 */
import type { Readable } from 'node:stream'
import type { EncodedResult } from '../../backend/backend.ts'
import type { Body } from '../../protocol/message.ts'
import { logAt } from '../../util/logger.ts'
import type { Logger, LogLevel } from '../../util/logger.ts'
import { OutputLines } from '../../util/output-lines.ts'
import { FrameReader, FrameWriter } from './frames.ts'
import type { Frame } from './frames.ts'
import * as ipc from './ipc.ts'
import type { Job } from './pool.ts'

/** How a child ended: its exit code, the name of the signal, or the error that ended it or kept it from being made. */
export type Exit = number | string

/** What a child tells. */
export interface ChildListener {
  onReady(): void
  onResult(key: number, result: EncodedResult): void
  onPart(key: number, body: Body): void
  onDone(done: ipc.Done): void
  onBack(keys: readonly number[]): void
  onPong(memoryBytes: number): void
  /** All frames that were there have been told: the moment for what is done once for many. */
  onPause(): void
  /** The child is gone and so is its pipe: nothing follows. Called once, also for one that could not be made. */
  onExit(exit: Exit): void
}

export interface ChildOptions {
  /** The child's program: a JavaScript file. */
  readonly entry: string
  readonly start: ipc.Start
  readonly logger: Logger
  /** The level at which its standard output and error are logged; `inherit` lets them go where the worker's go. */
  readonly output: LogLevel | 'inherit'
  /** How long after its end its last reports may still arrive, where something holds its pipes open. */
  readonly lostWaitMs: number
}

/** What a child says before it is ready explains why it never will be: so many lines of it are kept. */
const TAIL_LINES = 30

export abstract class ChildHandle {
  /** `ForkPoolWorker-1`. */
  readonly name: string
  readonly #lostWaitMs: number
  readonly #writer = new FrameWriter()
  readonly #reader: FrameReader
  readonly #logger: Logger
  readonly #listener: ChildListener
  #tail: string[] | undefined = []
  #failure: string | undefined
  #flushes = false
  #exit: Exit | undefined
  #reportsEnded = false
  #allEnded = false
  #told = false

  constructor({ start, logger, lostWaitMs }: ChildOptions, listener: ChildListener) {
    this.name = start.name
    this.#logger = logger
    this.#lostWaitMs = lostWaitMs
    this.#listener = listener
    this.#reader = new FrameReader(this.#onFrame)
    ipc.writeJson(this.#writer, ipc.START, start)
    this.#flushLater()
  }

  /** -1 where there is no process. */
  abstract get pid(): number

  /** End it by force. Harmless when it is gone. */
  abstract kill(signal: NodeJS.Signals): void

  /** Hand these bytes to the child, if it is still there. They are not written again. */
  protected abstract write(bytes: Buffer): void

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
    this.#sendPlain(ipc.RECALL)
  }

  sendPing(): void {
    this.#sendPlain(ipc.PING)
  }

  sendLeave(): void {
    this.#sendPlain(ipc.LEAVE)
  }

  /** Bytes came from the child. */
  protected receive(chunk: Buffer): void {
    this.#reader.push(chunk)
    this.#listener.onPause()
  }

  /** It is gone; what it has reported may still be on its way. */
  protected gone(exit: Exit): void {
    this.#exit ??= exit
    this.#tellExit()
    setTimeout(() => {
      this.outputEnded()
    }, this.#lostWaitMs).unref()
  }

  /** It could not be made. */
  protected failed(message: string): void {
    this.#failure = message
    this.gone(message)
    this.outputEnded()
  }

  /** No report follows. */
  protected reportsEnded(): void {
    this.#reportsEnded = true
    this.#tellExit()
  }

  /** Neither reports nor output follow. */
  protected outputEnded(): void {
    this.#allEnded = true
    this.#tellExit()
  }

  /** Log what it writes, line by line. */
  protected logOutput(streams: readonly (Readable | null)[], level: LogLevel): void {
    const fields = { processName: this.name }
    for (const stream of streams) {
      const lines = new OutputLines((line) => {
        this.#keepTail(line)
        logAt(this.#logger, level, line, fields)
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

  /** An error that it did not catch, which ends it. */
  protected logError(text: string): void {
    this.#keepTail(text)
    logAt(this.#logger, 'ERROR', text, { processName: this.name })
  }

  #sendPlain(kind: number): void {
    ipc.writePlain(this.#writer, kind)
    this.#flushLater()
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
    if (bytes !== undefined) this.write(bytes)
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
    } else if (kind === ipc.PART) {
      const { key, body } = ipc.readPart(frame)
      this.#listener.onPart(key, body)
    } else if (kind === ipc.BACK) this.#listener.onBack(ipc.readBack(frame))
    else if (kind === ipc.LOG) this.#log(ipc.readLog(frame))
    else if (kind === ipc.PONG) this.#listener.onPong(ipc.readPong(frame))
    else if (kind === ipc.FAILED) this.#failure = frame.text()
    else if (kind === ipc.READY) {
      this.#tail = undefined
      this.#listener.onReady()
    }
  }

  #log({ level, message, fields }: ipc.ChildLog): void {
    logAt(this.#logger, level, message, { ...fields, processName: this.name })
  }

  #keepTail(line: string): void {
    if (this.#tail === undefined) return
    this.#tail.push(line)
    if (this.#tail.length > TAIL_LINES) this.#tail.shift()
  }
}
