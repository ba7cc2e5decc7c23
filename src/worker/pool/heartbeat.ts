/**
 * Sees children whose event loop does not turn: they are asked now and then, and do not answer. One that does so while
 * its task runs is told of in the log, and left to the task's hard limit: a task may compute. One that had nothing to do
 * when it was asked is of no use, and is ended; a job that it was handed since has not started, for a child hears what it
 * is told in order. Children are asked before a job (where the job is a tiny one only after a rest, for asking would be
 * most of the work), while they have jobs, and once after that: nothing is polled while the pool is idle.
 */
import type { Clock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Assignment } from './assignment.ts'
import { WINDOW_MS } from './pool-child.ts'
import type { PoolChild } from './pool-child.ts'

/** Between two rounds of asking. */
const ROUND_MS = 5000
/** Who has not answered for so long does not turn. */
const SILENT_MS = 10_000
/** A child that has been silent for so long is asked before a tiny job too. */
const RESTED_MS = 100
/** So many times its limit is far above it, which is worth a word while the task still runs. */
const FAR = 2

export interface HeartbeatParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly children: ReadonlySet<PoolChild>
  readonly maxMemoryBytes: number | undefined
  /** It does not turn, and runs no job: end it. */
  readonly onHung: (child: PoolChild) => void
}

export class Heartbeat {
  readonly #parts: HeartbeatParts
  /** Told of already. */
  readonly #silent = new WeakSet<Assignment>()
  readonly #large = new WeakSet<Assignment>()
  #watches = false
  #open = true

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
  }

  /** The child is about to be handed a job, which is likely to take so long. */
  beforeJob(child: PoolChild, estimateMs: number, nowMs: number): void {
    const isWorthAsking = estimateMs >= WINDOW_MS || nowMs - child.heardMs > RESTED_MS
    if (isWorthAsking && child.length === 0 && child.askedMs === undefined) this.#ask(child, nowMs)
    child.isRested = false
    if (!this.#watches) this.#watch()
  }

  /** The child has answered, and is so large. */
  answered(child: PoolChild, memoryBytes: number): void {
    if (child.askedIdle && child.length === 0) child.isRested = true
    child.askedMs = undefined
    child.askedIdle = false
    const { maxMemoryBytes = Infinity } = this.#parts
    if (memoryBytes > FAR * maxMemoryBytes) this.#tellLarge(child, memoryBytes)
  }

  /** Ask no more. */
  stop(): void {
    this.#open = false
  }

  #watch(): void {
    this.#watches = true
    const { clock } = this.#parts
    // What came while this process was busy is read before anybody is judged.
    clock.after(ROUND_MS, () => setImmediate(() => this.#round(clock.monotonic())), { unref: true })
  }

  #round(nowMs: number): void {
    this.#watches = false
    if (!this.#open) return
    for (const child of this.#parts.children) {
      if (child.state !== 'ready' && child.state !== 'retiring') continue
      if (child.askedMs !== undefined) this.#judge(child, nowMs)
      else if (!child.isRested) this.#ask(child, nowMs)
      if (!child.isRested) this.#watches = true
    }
    if (this.#watches) this.#watch()
  }

  #ask(child: PoolChild, nowMs: number): void {
    child.askedMs = nowMs
    child.askedIdle = child.length === 0
    child.handle.sendPing()
  }

  #judge(child: PoolChild, nowMs: number): void {
    const silentMs = nowMs - Math.max(child.askedMs ?? nowMs, child.heardMs)
    if (silentMs < SILENT_MS) return
    const { logger, onHung } = this.#parts
    const who = `Process ${child.handle.name} pid:${String(child.handle.pid)}`
    const since = `has not answered for ${(silentMs / 1000).toFixed(0)} s`
    if (child.askedIdle) {
      logger.error(`${who} ${since} though it had nothing to do, and is replaced`)
      onHung(child)
    } else if (child.running !== undefined && !this.#silent.has(child.running)) {
      this.#silent.add(child.running)
      const { taskName, taskId, hardLimitMs } = child.running.job
      const hint = hardLimitMs === undefined ? '; it has no time limit that would end it' : ''
      logger.warning(`${who} ${since}: task ${taskName}[${taskId}] keeps its event loop busy${hint}`)
    }
  }

  #tellLarge(child: PoolChild, memoryBytes: number): void {
    const { running } = child
    if (running === undefined || this.#large.has(running)) return
    this.#large.add(running)
    const { taskName, taskId } = running.job
    const { logger, maxMemoryBytes = 0 } = this.#parts
    const sizes = `${kib(memoryBytes)} KiB with a limit of ${kib(maxMemoryBytes)} KiB`
    logger.warning(`Process ${child.handle.name} holds ${sizes} while task ${taskName}[${taskId}] runs`)
  }
}

function kib(bytes: number): string {
  return String(Math.round(bytes / 1024))
}
