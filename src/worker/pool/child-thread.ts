/**
 * A child that is a thread of this process, seen from the parent: starts it, and carries bytes over its port. What it
 * has posted is known here whatever becomes of it, as with a process's pipe: Node drains the port before it tells the end.
 */
import { Worker } from 'node:worker_threads'
import { NativeGuard } from '../../util/native-guard.ts'
import { ChildHandle } from './child-handle.ts'
import type { ChildListener, ChildOptions } from './child-handle.ts'

/** A thread shares its process with all others: one whose heap grows so many times above its limit is ended. */
const FAR = 2
/** Node does not start with less. */
const SMALLEST_HEAP_MB = 16

export class ChildThread extends ChildHandle {
  readonly #worker: Worker
  readonly #guard = new NativeGuard()
  #killed: NodeJS.Signals | undefined
  #error: string | undefined

  /** Starts it. */
  constructor(options: ChildOptions, listener: ChildListener) {
    super(options, listener)
    const isLogged = options.output !== 'inherit'
    const { maxMemoryBytes } = options.start
    this.#worker = new Worker(options.entry, {
      name: options.start.name,
      workerData: this.#guard.workerData,
      stdout: isLogged,
      stderr: isLogged,
      ...(maxMemoryBytes === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb(maxMemoryBytes) } }),
    })
    if (options.output !== 'inherit') this.logOutput([this.#worker.stdout, this.#worker.stderr], options.output)
    this.#listen()
  }

  get pid(): number {
    return process.pid
  }

  /** Ends it between two steps of its JavaScript. It cannot be sent a signal: that would be for the whole process. */
  kill(signal: NodeJS.Signals): void {
    if (this.#killed !== undefined) return
    this.#killed = signal
    void this.#guard.close().then(() => this.#worker.terminate())
  }

  protected write(bytes: Buffer): void {
    // Posting copies all of the buffer that a view is of, so it gets one of its own, and hands it over.
    const copy = new Uint8Array(bytes)
    this.#worker.postMessage(copy, [copy.buffer])
  }

  #listen(): void {
    const worker = this.#worker
    worker.on('message', (bytes: Uint8Array) => {
      this.receive(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    })
    worker.on('error', (error: Error & { code?: string }) => {
      this.#error = error.code ?? String(error)
      this.logError(error.stack ?? String(error))
    })
    worker.on('exit', (code) => {
      this.gone(this.#killed ?? this.#error ?? code)
      this.reportsEnded()
      // Its last output is in the streams, which tell it in this turn.
      setImmediate(() => {
        this.outputEnded()
      })
    })
  }
}

function heapMb(limitBytes: number): number {
  return Math.max(Math.ceil((FAR * limitBytes) / 2 ** 20), SMALLEST_HEAP_MB)
}
