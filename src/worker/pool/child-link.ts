/**
 * How a child is tied to its parent, seen from the child: a process by two pipes, a thread by a port. Either way, what
 * was sent is known to the parent whatever becomes of the child the moment after.
 */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { isMainThread, parentPort } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import * as ipc from './ipc.ts'

/** One end of the tie. */
export interface ChildLink {
  /** Take what the parent sends, piece by piece, until the parent is gone. */
  listen(onData: (chunk: Buffer) => void, onEnd: () => void): void
  /** Returns when the parent has it, or will have it. The bytes may be written again. */
  send(bytes: Uint8Array): void
  /** The memory that counts against the limit of a child. */
  memoryBytes(): number
  /** End this child as the signal does, unless the app has a listener of its own for it. */
  endBy(signal: NodeJS.Signals): void
}

/**
 * A terminal or a service manager sends these to all processes of the worker at once. What they mean is for the parent
 * to say: a child that left now would take its job along.
 */
const PARENTS_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP']

/** Before another try to write into a pipe that is full, where the system does not wait by itself. */
const FULL_PIPE_MS = 1

/** The tie of this very child. */
export function linkToParent(): ChildLink {
  return isMainThread || parentPort === null ? new PipeLink() : new PortLink(parentPort)
}

/** Of a process. */
class PipeLink implements ChildLink {
  listen(onData: (chunk: Buffer) => void, onEnd: () => void): void {
    for (const signal of PARENTS_SIGNALS) process.on(signal, ignore)
    for (const stream of [process.stdout, process.stderr]) writeAtOnce(stream)
    const commands = new Socket({ fd: ipc.COMMANDS_FD, readable: true, writable: false })
    commands.on('data', onData)
    commands.on('end', onEnd)
    commands.on('error', onEnd)
  }

  send(bytes: Uint8Array): void {
    let written = 0
    while (written < bytes.length) {
      try {
        written += writeSync(ipc.REPORTS_FD, bytes, written)
      } catch (error) {
        // Any other error means that the parent is gone.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit()
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS)
      }
    }
  }

  memoryBytes(): number {
    return process.memoryUsage.rss()
  }

  endBy(signal: NodeJS.Signals): void {
    process.removeListener(signal, ignore)
    process.kill(process.pid, signal)
  }
}

/** Of a thread, which ends with its parent's process anyhow. */
export class PortLink implements ChildLink {
  readonly #port: MessagePort

  constructor(port: MessagePort) {
    this.#port = port
  }

  listen(onData: (chunk: Buffer) => void): void {
    this.#port.on('message', (bytes: Uint8Array) => {
      onData(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    })
  }

  send(bytes: Uint8Array): void {
    const copy = new Uint8Array(bytes)
    this.#port.postMessage(copy, [copy.buffer])
  }

  /** Of the process's memory only its own heap and what hangs on that is known by thread. */
  memoryBytes(): number {
    const { heapTotal, external } = process.memoryUsage()
    return heapTotal + external
  }

  /** A signal would be for the whole process. In a thread this ends the thread alone. */
  endBy(): void {
    process.exit(1)
  }
}

/**
 * What a task prints must not gather in this process until the task awaits something, nor be lost when the process
 * ends. Node has no other word for this; npm uses the same.
 */
function writeAtOnce(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (blocking: boolean) => void } }
  handle?.setBlocking?.(true)
}

function ignore(): void {
  // Listening at all is what keeps the signal from ending the process.
}
