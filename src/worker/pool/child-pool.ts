/**
 * A pool of children, processes or threads: `concurrency` of them, in each of which one job runs at a time. A child that
 * dies takes only its running job along, and one whose job overruns its hard limit can be killed. This file sees to what
 * becomes of a job; how many children there are is `population.ts`, which of them gets a job is `placement.ts`, which of
 * them hang is `heartbeat.ts`:
 *
 *     backlog -> line of a child -> running (accepted) -> outcome
 *        ^        |                   |
 *        |        | given back, or    | killed: timeout, terminated, cancelled
 *        |        v the child died    v the child died: lost
 *        +--------+
 *
 * The soft limit is the child's own matter: it aborts the job's signal, which code that blocks the child cannot hear.
 */
import { fileURLToPath } from 'node:url'
import { ImproperlyConfigured } from '../../errors.ts'
import type { Outcome } from '../../task/outcome.ts'
import { lowestLevel } from '../../util/logger.ts'
import { Assignment } from './assignment.ts'
import { checkConcurrency } from './async.ts'
import type { ChildHandle, ChildListener, ChildOptions, Exit } from './child-handle.ts'
import { Deadlines } from './deadlines.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Done } from './ipc.ts'
import { Placement } from './placement.ts'
import { PoolChild } from './pool-child.ts'
import { Population } from './population.ts'
import type { AppLocation, Job, JobObserver, Pool, PoolOptions } from './pool.ts'

/** How long a child may take to end itself by the signal of a `terminate`, before it is killed. */
const TERMINATE_GRACE_MS = 500
/** Nobody who asks for SIGKILL wants to wait. */
const KILL_GRACE_MS = 50
/** How long aborted jobs may take to end by themselves in a cold stop. */
const COLD_GRACE_MS = 500
/** Celery's default of `workerLostWait`. */
const LOST_WAIT_MS = 10_000

export interface ChildPoolOptions extends PoolOptions {
  /** The children's program. Default: `child.js` beside this file, which is there in the built package only. */
  readonly childEntry?: string
  /** The module with `createRunner` that children import. Default: the worker's `child-runner.js`. */
  readonly runner?: string
}

/** What the children are. */
export interface ChildKind {
  /** The pool's name. */
  readonly pool: string
  /** What they are called in logs, before their number. */
  readonly childName: string
  createChild(options: ChildOptions, listener: ChildListener): ChildHandle
}

/** What a pool of children can tell of itself. */
export interface ChildPoolFacts {
  readonly 'max-concurrency': number
  readonly 'max-tasks-per-child': number | string
  readonly children: readonly { readonly pid: number; readonly jobs: number; readonly isBusy: boolean }[]
}

export abstract class ChildPool implements Pool {
  abstract readonly isolated: boolean
  readonly #options: ChildPoolOptions
  readonly #kind: ChildKind
  readonly #population: Population
  readonly #placement: Placement
  readonly #heartbeat: Heartbeat
  readonly #hard: Deadlines<PoolChild>
  #spawned = 0
  #open = true
  #cold = false
  #tellsFree = false

  /** Throws `ImproperlyConfigured` where children could not import the app. */
  protected constructor(options: ChildPoolOptions, kind: ChildKind) {
    const { appLocation, clock, logger } = options
    if (appLocation === undefined) {
      throw new ImproperlyConfigured(
        `The pool "${kind.pool}" runs tasks in children, which import the app by themselves: export the app from a ` +
          'module and start the worker with that, or use the pool "async" or "solo"',
      )
    }
    this.#options = options
    this.#kind = kind
    this.#population = new Population({
      clock,
      logger,
      startTimeoutMs: options.childStartTimeoutMs,
      maxTasksPerChild: options.maxTasksPerChild,
      spawn: () => this.#spawn(appLocation),
      onFailed: (error) => {
        logger.critical('The pool has failed', { error })
        void this.stop('cold')
        options.onFailed?.(error)
      },
    })
    this.#placement = new Placement({
      clock,
      children: this.#population.children,
      concurrency: checkConcurrency(options.concurrency),
      onFirst: (child) => {
        this.#begin(child)
      },
      onHanding: (child, { estimateMs }, nowMs) => {
        this.#heartbeat.beforeJob(child, estimateMs, nowMs)
      },
      onHanded: (child) => {
        this.#population.handed(child)
      },
    })
    this.#heartbeat = new Heartbeat({
      clock,
      logger,
      children: this.#population.children,
      maxMemoryBytes: options.maxMemoryPerChildBytes,
      onHung: (child) => {
        this.#onHung(child)
      },
    })
    this.#hard = new Deadlines(clock, (child) => {
      this.#onHardLimit(child)
    })
  }

  get free(): number {
    return this.#open ? this.#placement.free : 0
  }

  async start(): Promise<void> {
    try {
      await this.#population.start(this.#placement.concurrency)
    } catch (error) {
      await this.stop('cold')
      throw error
    }
  }

  execute(job: Job, observer: JobObserver): void {
    const assignment = new Assignment(job, observer)
    if (this.#open) this.#placement.add(assignment)
    else assignment.settle({ kind: 'unstarted' })
  }

  terminate(key: number, signal: NodeJS.Signals): boolean {
    const waiting = this.#placement.withdraw(key)
    if (waiting !== undefined) {
      waiting.settle({ kind: 'terminated', signal })
      return true
    }
    for (const child of this.#population.children) {
      const assignment = child.find(key)
      if (assignment === undefined) continue
      // Asked for twice is as good as once.
      if (assignment.terminating !== undefined) return true
      assignment.terminating = signal
      if (child.running === assignment) this.#terminateRunning(child, assignment, signal)
      else this.#placement.recall(child)
      return true
    }
    return false
  }

  async resize(concurrency: number): Promise<void> {
    this.#placement.concurrency = checkConcurrency(concurrency)
    const resized = this.#population.resize(concurrency)
    this.#placement.placeBacklog()
    this.#tellFree()
    await resized
  }

  restart(): Promise<void> {
    return this.#population.restart()
  }

  abstract info(): Readonly<Record<string, unknown>>

  protected facts(): ChildPoolFacts {
    const children = [...this.#population.children].filter((child) => child.state !== 'leaving')
    return {
      'max-concurrency': this.#placement.concurrency,
      'max-tasks-per-child': this.#options.maxTasksPerChild ?? 'N/A',
      children: children.map((child) => ({ pid: child.handle.pid, jobs: child.jobs, isBusy: child.isBusy })),
    }
  }

  async stop(how: 'warm' | 'cold'): Promise<void> {
    if (this.#open) {
      this.#open = false
      for (const assignment of this.#placement.withdrawAll()) assignment.settle({ kind: 'unstarted' })
    }
    if (how === 'cold' && !this.#cold) this.#hasten()
    await this.#population.close()
    this.#heartbeat.stop()
    this.#hard.close()
  }

  /** The first of the line runs now: to know this, nothing has to be asked or told. */
  #begin(child: PoolChild): void {
    const assignment = child.running
    if (assignment === undefined) return
    const { hardLimitMs } = assignment.job
    child.runningSinceMs = this.#options.clock.monotonic()
    assignment.accept(child.handle.pid)
    if (hardLimitMs !== undefined) this.#hard.set(child, hardLimitMs)
    if (assignment.terminating !== undefined) this.#terminateRunning(child, assignment, assignment.terminating)
    else if (this.#cold) child.handle.sendAbort({ key: assignment.job.key })
  }

  #onHardLimit(child: PoolChild): void {
    const { running } = child
    if (running?.job.hardLimitMs === undefined) return
    this.#killLater(child, running, { kind: 'timeout', seconds: running.job.hardLimitMs / 1000 })
  }

  /** The child ends itself by the signal, for it knows what it runs; one that does not hear is killed. */
  #terminateRunning(child: PoolChild, assignment: Assignment, signal: NodeJS.Signals): void {
    child.handle.sendAbort({ key: assignment.job.key, terminate: signal })
    const killIt = (): void => {
      this.#killLater(child, assignment, { kind: 'terminated', signal })
    }
    // The child itself keeps this process alive.
    this.#options.clock.after(signal === 'SIGKILL' ? KILL_GRACE_MS : TERMINATE_GRACE_MS, killIt, { unref: true })
  }

  /**
   * Kill the child for its running job, unless its pipe says that the job has ended: after a moment in which this
   * process was busy, timers come before what there is to read.
   */
  #killLater(child: PoolChild, assignment: Assignment, outcome: Outcome): void {
    setImmediate(() => {
      if (child.running !== assignment || child.state === 'leaving') return
      this.#population.kill(child, { assignment, outcome })
    })
  }

  /** What it was handed has not started: others take it. */
  #onHung(child: PoolChild): void {
    this.#hard.clear(child)
    this.#moveOn(child.takeAll())
    this.#population.kill(child)
    this.#placement.placeBacklog()
  }

  #hasten(): void {
    this.#cold = true
    for (const { running, handle } of this.#population.children) {
      if (running !== undefined) handle.sendAbort({ key: running.job.key })
    }
    const killAll = (): void => {
      for (const child of this.#population.children) {
        const assignment = child.running
        this.#population.kill(child, assignment && { assignment, outcome: { kind: 'cancelled' } })
      }
    }
    this.#options.clock.after(COLD_GRACE_MS, killAll, { unref: true })
  }

  #spawn(location: AppLocation): PoolChild {
    const { childEntry, runner, settings, logger, maxMemoryPerChildBytes, clock, lostWaitMs, onSpawn } = this.#options
    onSpawn?.()
    this.#spawned += 1
    const start = {
      name: `${this.#kind.childName}-${String(this.#spawned)}`,
      location,
      settings,
      runner,
      maxMemoryBytes: maxMemoryPerChildBytes,
      logLevel: lowestLevel(logger),
    }
    const entry = childEntry ?? fileURLToPath(new URL('./child.js', import.meta.url))
    const output = this.#options.childOutput ?? 'WARNING'
    const options = { entry, start, logger, output, lostWaitMs: lostWaitMs ?? LOST_WAIT_MS }
    const listener = this.#listenerOf(() => child)
    const child: PoolChild = new PoolChild(this.#kind.createChild(options, listener), clock.monotonic())
    return child
  }

  /** Nothing is told before the next turn of the event loop, so `childOf` may be asked then. */
  #listenerOf(childOf: () => PoolChild): ChildListener {
    return {
      onReady: () => {
        this.#population.becameReady(childOf())
      },
      onResult: (key, result) => {
        childOf().find(key)?.store(result)
      },
      onPart: (key, body) => {
        childOf().find(key)?.endPart(body)
      },
      onDone: (done) => {
        this.#onDone(childOf(), done)
      },
      onBack: (keys) => {
        const child = childOf()
        child.recalling = false
        this.#moveOn(child.take(keys))
      },
      onPong: (memoryBytes) => {
        this.#heartbeat.answered(childOf(), memoryBytes)
      },
      onPause: () => {
        this.#afterReports(childOf())
      },
      onExit: (exit) => {
        this.#onExit(childOf(), exit)
      },
    }
  }

  #onDone(child: PoolChild, done: Done): void {
    const assignment = child.running
    if (assignment?.job.key !== done.key) {
      this.#options.logger.critical(`${child.handle.name} reported a job that it does not run, and is killed`)
      this.#population.kill(child)
      return
    }
    const { job } = assignment
    child.shift()
    if (job.hardLimitMs !== undefined) this.#hard.clear(child)
    this.#placement.learn(job.taskName, done.busyMs)
    const verdict = this.#verdictOn(assignment, done.outcome)
    if (verdict === undefined) {
      if (done.part !== undefined) assignment.endPart(done.part)
      for (const result of done.results) assignment.store(result)
    }
    if (done.overweight) this.#population.retire(child)
    this.#begin(child)
    // Only now, for the worker may answer with the next job.
    assignment.settle(verdict ?? done.outcome)
  }

  /** A task that fails because it was told to stop has not failed: what it was told is the outcome. */
  #verdictOn(assignment: Assignment, outcome: Outcome): Outcome | undefined {
    if (outcome.kind !== 'failure') return undefined
    const { terminating } = assignment
    if (terminating !== undefined && outcome.failure.excType === 'Terminated') {
      return { kind: 'terminated', signal: terminating }
    }
    return this.#cold && outcome.failure.excType === 'WorkerShutdown' ? { kind: 'cancelled' } : undefined
  }

  /** Once for all that a child told at a time. */
  #afterReports(child: PoolChild): void {
    child.heardMs = this.#options.clock.monotonic()
    this.#placement.placeBacklog()
    this.#population.leaveIfDone(child)
    this.#tellFree()
  }

  #onExit(child: PoolChild, exit: Exit): void {
    this.#hard.clear(child)
    const { running } = child
    if (running !== undefined) child.shift()
    this.#moveOn(child.takeAll())
    this.#population.left(child, exit)
    this.#placement.placeBacklog()
    running?.settle(outcomeOfExit(child, running, exit))
  }

  /** Jobs that a child had not started. */
  #moveOn(assignments: readonly Assignment[]): void {
    const isOver = ({ terminating }: Assignment): boolean => terminating !== undefined || !this.#open
    this.#placement.addAgain(assignments.filter((assignment) => !isOver(assignment)))
    for (const assignment of assignments) {
      const { terminating } = assignment
      if (terminating !== undefined) assignment.settle({ kind: 'terminated', signal: terminating })
      else if (!this.#open) assignment.settle({ kind: 'unstarted' })
    }
  }

  /** Once a turn, so that the worker fetches for all slots at once. */
  #tellFree(): void {
    if (this.#tellsFree) return
    this.#tellsFree = true
    setImmediate(() => {
      this.#tellsFree = false
      if (this.free > 0) this.#options.onFree()
    })
  }
}

/** What the end of its child means for the job that ran there. */
function outcomeOfExit(child: PoolChild, running: Assignment, exit: Exit): Outcome {
  if (child.verdict?.assignment === running) return child.verdict.outcome
  if (running.terminating !== undefined) return { kind: 'terminated', signal: running.terminating }
  return { kind: 'lost', exit }
}
