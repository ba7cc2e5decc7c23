/**
 * Keeps a thread from being ended in the middle of native code. Node ends a thread between two steps of its JavaScript;
 * an addon that comes back to JavaScript in that moment may take the whole process down with it. So the thread says when
 * it goes into such code, and whoever wants to end it waits for the way out, after which there is no way in.
 *
 *     free <--run--> inside        free --close--> closed
 */
import { isMainThread, workerData } from 'node:worker_threads'

const FREE = 0
const INSIDE = 1
const CLOSED = 2

/** Where a thread finds its guard in its `workerData`. */
const KEY = 'celeriacNativeGuard'
/** Between two looks at a thread that is inside. */
const LOOK_AGAIN_MS = 1

/** One guard, seen from the thread or from whoever ends it. */
export class NativeGuard {
  readonly #state: Int32Array

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.#state = new Int32Array(shared)
  }

  /** The guard of this very thread; undefined in the main thread, and in threads that were made without. */
  static ofThisThread(): NativeGuard | undefined {
    if (isMainThread) return undefined
    const shared = (workerData as Partial<Record<string, unknown>> | null)?.[KEY]
    return shared instanceof SharedArrayBuffer ? new NativeGuard(shared) : undefined
  }

  /** What the thread is to be given as its `workerData`. */
  get workerData(): Readonly<Record<string, unknown>> {
    return { [KEY]: this.#state.buffer }
  }

  /** In the thread: do work in native code, which must not call `run` again. Never returns once the guard is closed. */
  run<T>(work: () => T): T {
    if (Atomics.compareExchange(this.#state, 0, FREE, INSIDE) === CLOSED) Atomics.wait(this.#state, 0, CLOSED)
    try {
      return work()
    } finally {
      Atomics.store(this.#state, 0, FREE)
    }
  }

  /** From outside: resolves when the thread is in no native code, and goes into none any more: it can be ended now. */
  async close(): Promise<void> {
    while (Atomics.compareExchange(this.#state, 0, FREE, CLOSED) === INSIDE) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }
}
