/** Those who wait for messages in this process. They cost nothing until another process, or a due time, wakes them. */
import type { SqliteDatabase } from '../../driver/sqlite.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { isReady, nextDueMs } from './messages.ts'

interface Waiter {
  readonly queues: readonly string[]
  readonly wake: () => void
}

export class Waiters {
  readonly #database: SqliteDatabase
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter>()
  #unsubscribe: (() => void) | undefined
  #timer: Timer | undefined

  constructor(database: SqliteDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** Resolves when one of the queues may have something, when `signal` aborts, or at the end. Never rejects. */
  wait(queues: readonly string[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const waiter: Waiter = {
        queues,
        wake: () => {
          signal.removeEventListener('abort', waiter.wake)
          this.#remove(waiter)
          resolve()
        },
      }
      signal.addEventListener('abort', waiter.wake)
      this.#waiters.add(waiter)
      // First listen, then look: what comes in between is not missed.
      this.#unsubscribe ??= this.#database.onNotify('messages', () => {
        this.check()
      })
      this.check()
    })
  }

  /** Wake those who have something to take. */
  check(): void {
    if (this.#waiters.size === 0) return
    try {
      const nowMs = this.#clock.now()
      this.#database.read((statements) => {
        const ready = [...this.#waiters].filter((waiter) => isReady(statements, waiter.queues, nowMs))
        for (const waiter of ready) waiter.wake()
        if (this.#waiters.size > 0) this.#setTimer(nextDueMs(statements), nowMs)
      })
    } catch {
      // Whoever waits tries to take something, and is told what is wrong.
      this.wakeAll()
    }
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter.wake()
  }

  #remove(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    if (this.#waiters.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#timer?.cancel()
  }

  #setTimer(dueMs: number | undefined, nowMs: number): void {
    this.#timer?.cancel()
    if (dueMs === undefined) return
    this.#timer = this.#clock.after(Math.max(dueMs - nowMs, 1), () => {
      this.check()
    })
  }
}
