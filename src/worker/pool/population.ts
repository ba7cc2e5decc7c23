/**
 * The children of a pool: as many as are wanted are kept alive. Spawns them, replaces those that retire or
 * die, slows down where they die at once, and gives up where that does not help. What they do is `child-pool.ts`.
 */
import { WorkerError } from '../../errors.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'
import type { Deferred } from '../../util/deferred.ts'
import type { Logger } from '../../util/logger.ts'
import type { Exit } from './child-handle.ts'
import type { PoolChild, Verdict } from './pool-child.ts'

/** More unexpected exits than this within a second, and the pool gives up (billiard's `RestartFreqExceeded`). */
const MAX_EXITS = 100
const EXITS_MS = 1000
/** A child that died before it was of use is replaced after a while that doubles from the first to the second. */
const FIRST_DELAY_MS = 100
const LAST_DELAY_MS = 10_000
/** It was of use when it has had a job, or has lived for so long after it was ready. */
const EARLY_MS = 1000
/** After so many that died before, one after the other, with none at work beside them, the pool gives up. */
const MAX_EARLY_DEATHS = 10
/** A child that was told to leave, and does not, is killed. */
const LEAVE_MS = 5000
/** A replacement is spawned so many times its start-up ahead of the moment when it is likely to be needed. */
const LEAD = 1.5

export interface PopulationParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly startTimeoutMs: number
  readonly maxTasksPerChild: number | undefined
  readonly spawn: () => PoolChild
  /** Children die faster than they can be of use: it is time to `close`. */
  readonly onFailed: (error: WorkerError) => void
}

type State = 'new' | 'starting' | 'running' | 'closed'

export class Population {
  readonly children: Set<PoolChild> = new Set<PoolChild>()
  readonly #parts: PopulationParts
  #state: State = 'new'
  #wanted = 0
  /** Settled when as many as are wanted are ready. */
  #complete: Deferred<void> | undefined
  /** Settled when no child is outdated any more. */
  #renewed: Deferred<void> | undefined
  #closed: Deferred<void> | undefined
  #exitsMs: number[] = []
  #failedStarts = 0
  /** How many of them ended by themselves: a machine that is too slow is no reason to give up. */
  #earlyDeaths = 0
  #delay: Timer | undefined
  /** How long the last child took to become ready. */
  #startupMs = 0

  constructor(parts: PopulationParts) {
    this.#parts = parts
  }

  /**
   * Resolves when `wanted` children are ready. Rejects with `WorkerError` as soon as one of them cannot be; then it is
   * time to `close`.
   */
  start(wanted: number): Promise<void> {
    if (this.#state === 'new') this.#state = 'starting'
    return this.resize(wanted)
  }

  /**
   * Resolves when there are as many ready; those that are too many leave when their jobs have ended. Rejects with
   * `WorkerError` when the pool is stopped before.
   */
  resize(wanted: number): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(new WorkerError('The pool was stopped'))
    this.#wanted = wanted
    this.populate()
    if (this.#state === 'new') return Promise.resolve()
    this.#complete ??= deferred()
    const { promise } = this.#complete
    this.#tellComplete()
    return promise
  }

  /**
   * Replace all children, one after the other: an old one works until its replacement is ready. Resolves when all are
   * new. Rejects with `WorkerError`, and keeps the old ones, where a new one cannot start or the pool is stopped.
   */
  restart(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(new WorkerError('The pool was stopped'))
    for (const child of this.children) child.outdated = true
    this.#renewed ??= deferred()
    const { promise } = this.#renewed
    this.#renew()
    return promise
  }

  /** Spawn what is missing, and retire what is too much. */
  populate(): void {
    if (this.#state === 'new' || this.#state === 'closed' || this.#delay !== undefined) return
    const counted = [...this.children].filter((child) => counts(child))
    for (let missing = this.#wanted - counted.length; missing > 0; missing -= 1) this.#spawn()
    if (counted.length <= this.#wanted) return
    counted.sort((a, b) => leavingCost(a) - leavingCost(b))
    for (const child of counted.slice(0, counted.length - this.#wanted)) this.retire(child)
  }

  becameReady(child: PoolChild): void {
    if (child.state !== 'starting') return
    const { clock } = this.#parts
    child.timer?.cancel()
    child.state = 'ready'
    child.readyMs = clock.monotonic()
    this.#startupMs = child.readyMs - child.spawnedMs
    child.timer = clock.after(
      EARLY_MS,
      () => {
        this.#failedStarts = 0
        this.#earlyDeaths = 0
      },
      { unref: true },
    )
    this.#tellComplete()
    this.#renew()
  }

  /** It was handed a job: is it time to think of its replacement, or was that its last one? */
  handed(child: PoolChild): void {
    const { maxTasksPerChild, clock } = this.#parts
    if (maxTasksPerChild === undefined || child.state !== 'ready') return
    const left = maxTasksPerChild - child.jobs
    const ended = child.jobs - child.length
    if (left <= 0) {
      this.retire(child)
    } else if (!child.replaced && ended > 0) {
      const perJobMs = (clock.monotonic() - child.readyMs) / ended
      child.replaced = (left + child.length) * perJobMs <= LEAD * this.#startupMs
      if (child.replaced) this.populate()
    }
  }

  /** No more jobs for this child; it leaves when its line is empty, see `leaveIfDone`. Its replacement is on the way. */
  retire(child: PoolChild): void {
    if (child.state === 'starting') this.kill(child)
    if (child.state !== 'ready') return
    child.state = 'retiring'
    this.populate()
    this.leaveIfDone(child)
  }

  leaveIfDone(child: PoolChild): void {
    if (child.state !== 'retiring' || child.length > 0) return
    child.state = 'leaving'
    child.timer?.cancel()
    child.handle.sendLeave()
    child.timer = this.#parts.clock.after(LEAVE_MS, () => {
      this.#parts.logger.warning(`${child.handle.name} did not leave in time and is killed`)
      child.handle.kill('SIGKILL')
    })
  }

  /** End it by force, and spawn its replacement without waiting for its exit. */
  kill(child: PoolChild, verdict?: Verdict): void {
    child.timer?.cancel()
    child.verdict ??= verdict
    child.state = 'leaving'
    child.handle.kill('SIGKILL')
    this.populate()
  }

  /** The process is gone. */
  left(child: PoolChild, exit: Exit): void {
    this.children.delete(child)
    child.timer?.cancel()
    if (this.#state === 'closed') {
      if (this.children.size === 0) this.#closed?.resolve()
      return
    }
    const isEarly = child.jobs === 0 && this.#parts.clock.monotonic() - child.readyMs < EARLY_MS
    if (child.state === 'starting' || (child.state === 'ready' && isEarly)) this.#earlyDeaths += 1
    if (child.state === 'starting') this.#onFailedStart(`${child.handle.name} ${describeExit(exit)}`, child)
    else if (child.state !== 'leaving') this.#onUnexpectedExit(child, exit)
    this.populate()
    this.#renew()
  }

  /** Spawn nothing any more and let all children leave when their lines are empty. Resolves when all are gone. */
  close(): Promise<void> {
    if (this.#state !== 'closed') {
      this.#state = 'closed'
      this.#delay?.cancel()
      this.#complete?.reject(new WorkerError('The pool was stopped'))
      this.#complete = undefined
      this.#renewed?.reject(new WorkerError('The pool was stopped'))
      this.#renewed = undefined
      for (const child of this.children) this.retire(child)
    }
    if (this.children.size === 0) return Promise.resolve()
    this.#closed ??= deferred()
    return this.#closed.promise
  }

  /** The next step of a restart: who has a replacement leaves, and the next one gets one. */
  #renew(): void {
    if (this.#renewed === undefined) return
    const working = [...this.children].filter(({ state }) => state === 'starting' || state === 'ready')
    if (working.some(({ state }) => state === 'starting')) return
    if (working.filter((child) => counts(child)).length < this.#wanted) return
    for (const child of working) if (child.outdated && child.replaced) this.retire(child)
    const next = working.find((child) => child.outdated && child.state === 'ready')
    if (next === undefined) {
      this.#renewed.resolve()
      this.#renewed = undefined
      return
    }
    next.replaced = true
    this.populate()
  }

  /** A new child cannot start: those that are there go on. */
  #abandonRestart(error: WorkerError): void {
    if (this.#renewed === undefined) return
    this.#renewed.reject(error)
    this.#renewed = undefined
    for (const child of this.children) if (child.outdated && child.state === 'ready') child.replaced = false
  }

  #tellComplete(): void {
    const ready = [...this.children].filter((child) => child.state === 'ready' && counts(child))
    if (ready.length < this.#wanted) return
    if (this.#state === 'starting') this.#state = 'running'
    this.#complete?.resolve()
    this.#complete = undefined
  }

  #spawn(): void {
    const { clock, startTimeoutMs, spawn } = this.#parts
    const child = spawn()
    this.children.add(child)
    child.timer = clock.after(startTimeoutMs, () => {
      child.state = 'leaving'
      child.handle.kill('SIGKILL')
      this.#onFailedStart(`${child.handle.name} was not ready after ${String(startTimeoutMs / 1000)} s`, child)
    })
  }

  #onFailedStart(what: string, child: PoolChild): void {
    const { logger } = this.#parts
    const { complaint } = child.handle
    const text = complaint === '' ? what : `${what}:\n${complaint}`
    if (this.#state === 'starting') {
      this.#complete?.reject(new WorkerError(`Could not start worker processes: ${text}`))
      this.#complete = undefined
      this.#wanted = 0
      return
    }
    logger.error(`A child could not start: ${text}`)
    this.#abandonRestart(new WorkerError(`Could not restart worker processes: ${text}`))
    this.#slowDown()
  }

  /** The next one comes later, or never. */
  #slowDown(): void {
    const { clock, onFailed } = this.#parts
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** this.#failedStarts, LAST_DELAY_MS)
    this.#failedStarts += 1
    this.#delay ??= clock.after(delayMs, () => {
      this.#delay = undefined
      this.populate()
    })
    const isWorking = [...this.children].some(({ state }) => state === 'ready' || state === 'retiring')
    if (this.#earlyDeaths < MAX_EARLY_DEATHS || isWorking) return
    onFailed(new WorkerError(`${String(MAX_EARLY_DEATHS)} children in a row died before they were of use`))
  }

  #onUnexpectedExit(child: PoolChild, exit: Exit): void {
    const { logger, clock, onFailed } = this.#parts
    logger.error(`Process ${child.handle.name} pid:${String(child.handle.pid)} ${describeExit(exit)}`)
    const now = clock.monotonic()
    this.#exitsMs = [...this.#exitsMs.filter((atMs) => now - atMs < EXITS_MS), now]
    if (child.jobs === 0 && now - child.readyMs < EARLY_MS) this.#slowDown()
    if (this.#exitsMs.length > MAX_EXITS)
      onFailed(new WorkerError(`More than ${String(MAX_EXITS)} children died within a second`))
  }
}

/** Is it one of those that are wanted, rather than one that is being replaced or on its way out? */
function counts(child: PoolChild): boolean {
  return !child.replaced && (child.state === 'starting' || child.state === 'ready')
}

/** Who goes first where there are too many: who is not ready yet, then who has the least to do. */
function leavingCost(child: PoolChild): number {
  return child.state === 'starting' ? -1 : child.length
}

function describeExit(exit: Exit): string {
  return typeof exit === 'number' ? `exited with code ${String(exit)}` : `ended by ${exit}`
}
