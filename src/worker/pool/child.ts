/**
 * The program of a pool's child, process or thread: it loads the app, runs the jobs it is sent and reports on them.
 * Starts nothing and decides nothing: the parent does, and when the parent is gone, so is the child.
 */
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import type { EncodedResult } from '../../backend/backend.ts'
import { Terminated, WorkerShutdown } from '../../errors.ts'
import type { Body } from '../../protocol/message.ts'
import { createLogger } from '../../util/logger.ts'
import type { Logger, LogLevel, LogRecord } from '../../util/logger.ts'
import type { ChildRunner } from '../child-runner.ts'
import { linkToParent } from './child-link.ts'
import type { ChildLink } from './child-link.ts'
import { FrameReader, FrameWriter } from './frames.ts'
import type { Frame } from './frames.ts'
import * as ipc from './ipc.ts'
import { JobLine } from './job-line.ts'
import type { Reports } from './job-line.ts'
import type { AppLocation } from './pool.ts'

/** What the runner's module exports. What it logs goes to the worker's logger. */
type CreateRunner = (
  location: AppLocation,
  settings: Readonly<Record<string, unknown>>,
  logger: Logger,
) => Promise<ChildRunner>

class Child implements Reports {
  readonly #link: ChildLink
  readonly #writer = new FrameWriter()
  #line: JobLine | undefined
  #runner: ChildRunner | undefined
  #logger: Logger | undefined

  constructor(link: ChildLink) {
    this.#link = link
  }

  listen(): void {
    const reader = new FrameReader((kind, frame) => {
      this.#obey(kind, frame)
    })
    this.#link.listen(
      (chunk) => {
        reader.push(chunk)
      },
      // Nobody would store what a job still does, and somebody else may already run it again.
      () => process.exit(),
    )
  }

  #obey(kind: number, frame: Frame): void {
    if (kind === ipc.JOB) this.#line?.push(ipc.readJob(frame))
    else if (kind === ipc.RECALL) this.#line?.recall()
    else if (kind === ipc.PING) this.#answer()
    else if (kind === ipc.ABORT) this.#abort(ipc.readAbort(frame))
    else if (kind === ipc.START) void this.#start(ipc.readStart(frame))
    else if (kind === ipc.LEAVE) void this.#leave()
  }

  async #start(start: ipc.Start): Promise<void> {
    if (isMainThread) process.title = `celeriac: ${start.name}`
    const logger = this.#createLogger(start.logLevel)
    this.#logger = logger
    // Of some job, perhaps one that ended long ago: no reason to lose the one that runs. A thrown exception is one, for
    // what it interrupted may never end: there Node's own way is right, a stack on standard error and the end.
    process.on('unhandledRejection', (error) => {
      logger.error('A promise was rejected and nobody handled it', { error })
    })
    try {
      const createRunner = await importRunner(start.runner)
      const runner = await createRunner(start.location, start.settings, logger)
      await runner.started()
      this.#runner = runner
      this.#line = new JobLine(runner.run, this, {
        maxMemoryBytes: start.maxMemoryBytes,
        memoryBytes: () => this.#link.memoryBytes(),
      })
    } catch (error) {
      ipc.writeFailed(this.#writer, textOf(error))
      this.#send()
      process.exit(1)
    }
    ipc.writePlain(this.#writer, ipc.READY)
    this.#send()
  }

  #answer(): void {
    ipc.writePong(this.#writer, this.#link.memoryBytes())
    this.#send()
  }

  #abort(abort: ipc.Abort): void {
    const { key, terminate } = abort
    if (terminate === undefined) {
      this.#line?.abort(key, new WorkerShutdown('The worker is shutting down'))
    } else if (this.#line?.abort(key, new Terminated(terminate)) === true) {
      // A job that ends on hearing of it leaves the child alive.
      setImmediate(() => {
        if (this.#line?.isRunning(key) === true) this.#link.endBy(terminate)
      })
    }
  }

  async #leave(): Promise<void> {
    try {
      await this.#runner?.stopping()
    } catch (error) {
      this.#logger?.error('The child could not stop in good order', { error })
    }
    // What a task has left open (a connection, a timer) must not keep the child.
    process.exit(0)
  }

  #createLogger(level: LogLevel): Logger {
    return createLogger({
      level,
      write: (record) => {
        ipc.writeJson(this.#writer, ipc.LOG, logOf(record))
        this.#send()
      },
    })
  }

  result(key: number, result: EncodedResult): void {
    ipc.writeResult(this.#writer, key, result)
    this.#send()
  }

  part(key: number, body: Body): void {
    ipc.writePart(this.#writer, key, body)
    this.#send()
  }

  done(done: ipc.Done): void {
    ipc.writeDone(this.#writer, done)
    this.#send()
  }

  back(keys: readonly number[]): void {
    ipc.writeBack(this.#writer, keys)
    this.#send()
  }

  #send(): void {
    const bytes = this.#writer.take()
    if (bytes !== undefined) this.#link.send(bytes)
    this.#writer.reuse()
  }
}

async function importRunner(path: string | undefined): Promise<CreateRunner> {
  // Beside the compiled form of this file; a child is never run from source.
  const url = path === undefined ? new URL('../child-runner.js', import.meta.url) : pathToFileURL(path)
  const { createRunner } = (await import(url.href)) as { createRunner: CreateRunner }
  return createRunner
}

/** A record in a form that survives JSON: of an error its stack, and no fields where they cannot be written. */
function logOf({ level, message, fields = {} }: LogRecord): ipc.ChildLog {
  const plain = 'error' in fields ? { ...fields, error: textOf(fields.error) } : fields
  try {
    return { level, message, fields: JSON.parse(JSON.stringify(plain)) as ipc.ChildLog['fields'] }
  } catch {
    return { level, message, fields: {} }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

new Child(linkToParent()).listen()
