/** A watch of documents that this process has at hand. Who watches what is the backend's matter. */
import type { TaskMeta } from '../protocol/result.ts'
import type { Logger } from '../util/logger.ts'
import type { Watch } from './backend.ts'

/** What a watch reads and whom it tells. */
export interface LocalWatchParts {
  readonly logger: Logger
  /** The document of now. What it throws ends the watch. */
  readonly read: (taskId: string) => TaskMeta | undefined
  readonly onMeta: (meta: TaskMeta) => void
  readonly onError: (error: Error) => void
  readonly onStop: () => void
}

/** One watch: tells of the documents that were touched, after the code that touched them is done. */
export class LocalWatch implements Watch {
  readonly #parts: LocalWatchParts
  #touched = new Set<string>()
  #stopped = false

  constructor(parts: LocalWatchParts) {
    this.#parts = parts
  }

  /** There may be a new document of this task. */
  touch(taskId: string): void {
    if (this.#touched.size === 0) {
      queueMicrotask(() => {
        this.#tell()
      })
    }
    this.#touched.add(taskId)
  }

  stop(): void {
    this.#stopped = true
    this.#parts.onStop()
  }

  #tell(): void {
    const touched = this.#touched
    this.#touched = new Set()
    for (const taskId of touched) {
      if (this.#stopped) return
      const meta = this.#read(taskId)
      if (meta !== undefined) this.#hand(meta)
    }
  }

  /** A listener's error is nobody else's. */
  #hand(meta: TaskMeta): void {
    try {
      this.#parts.onMeta(meta)
    } catch (error) {
      this.#parts.logger.error(`A listener for the result of task ${meta.task_id} failed`, { error })
    }
  }

  #read(taskId: string): TaskMeta | undefined {
    try {
      return this.#parts.read(taskId)
    } catch (error) {
      this.stop()
      this.#parts.onError(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }
}
