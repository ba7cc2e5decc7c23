/**
 * The `prefork` pool: `concurrency` child processes, in each of which one job runs at a time. A child that dies takes
 * only its running job along, and one whose job overruns its hard limit can be killed. This file sees to what becomes
 * of a job; how many children there are is `population.ts`, which of them gets a job is `placement.ts`:
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
import { Assignment } from './assignment.ts'
import { checkConcurrency } from './async.ts'
import { ChildProcess, lowestLevel } from './child-process.ts'
import type { ChildListener, Exit } from './child-process.ts'
import { Deadlines } from './deadlines.ts'
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

export interface PreforkOptions extends PoolOptions {
  /** The children's program. Default: `child.js` beside this file, which is there in the built package only. */
  readonly childEntry?: string
  /** The module with `createRunner` that children import. Default: the worker's `child-runner.js`. */
  readonly runner?: string
}

export class PreforkPool implements Pool {
  readonly isolated = true
  readonly #options: PreforkOptions
  readonly #population: Population
  readonly #placement: Placement
  readonly #hard: Deadlines<PoolChild>
  #spawned = 0
  #open = true
  #cold = false
  #tellsFree = false

  /** Throws `ImproperlyConfigured` where children could not import the app. */
  constructor(options: PreforkOptions) {
    const { appLocation, clock, logger } = options
    if (appLocation === undefined) {
      throw new ImproperlyConfigured(
        'The prefork pool runs tasks in child processes, which import the app by themselves: export the app from a ' +
          'module and start the worker with that, or use the pool "async" or "solo"',
      )
    }
    this.#options = options
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
      onHanded: (child) => {
        this.#population.handed(child)
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

  execute(job: Job, observer: JobObserver): Promise<Outcome> {
    const assignment = new Assignment(job, observer)
    if (this.#open) this.#placement.add(assignment)
    else assignment.settle({ kind: 'unstarted' })
    return assignment.outcome
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

  info(): Readonly<Record<string, unknown>> {
    const children = [...this.#population.children].filter((child) => child.state !== 'leaving')
    return {
      implementation: 'celeriac.worker.pool.prefork:PreforkPool',
      'max-concurrency': this.#placement.concurrency,
      processes: children.map((child) => child.process.pid),
      'max-tasks-per-child': this.#options.maxTasksPerChild ?? 'N/A',
      'put-guarded-by-semaphore': true,
      // Limits come with each job here.
      timeouts: [0, 0],
      writes: describeWrites(children),
    }
  }

  async stop(how: 'warm' | 'cold'): Promise<void> {
    if (this.#open) {
      this.#open = false
      for (const assignment of this.#placement.withdrawAll()) assignment.settle({ kind: 'unstarted' })
    }
    if (how === 'cold' && !this.#cold) this.#hasten()
    await this.#population.close()
    this.#hard.close()
  }

  /** The first of the line runs now: to know this, nothing has to be asked or told. */
  #begin(child: PoolChild): void {
    const assignment = child.running
    if (assignment === undefined) return
    const { hardLimitMs } = assignment.job
    child.runningSinceMs = this.#options.clock.monotonic()
    assignment.accept(child.process.pid)
    if (hardLimitMs !== undefined) this.#hard.set(child, hardLimitMs)
    if (assignment.terminating !== undefined) this.#terminateRunning(child, assignment, assignment.terminating)
    else if (this.#cold) child.process.sendAbort({ key: assignment.job.key })
  }

  #onHardLimit(child: PoolChild): void {
    const { running } = child
    if (running?.job.hardLimitMs === undefined) return
    this.#killLater(child, running, { kind: 'timeout', seconds: running.job.hardLimitMs / 1000 })
  }

  /** The child ends itself by the signal, for it knows what it runs; one that does not hear is killed. */
  #terminateRunning(child: PoolChild, assignment: Assignment, signal: NodeJS.Signals): void {
    child.process.sendAbort({ key: assignment.job.key, terminate: signal })
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

  #hasten(): void {
    this.#cold = true
    for (const { running, process } of this.#population.children) {
      if (running !== undefined) process.sendAbort({ key: running.job.key })
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
    const { childEntry, runner, settings, logger, maxMemoryPerChildBytes } = this.#options
    this.#spawned += 1
    const start = {
      name: `ForkPoolWorker-${String(this.#spawned)}`,
      location,
      settings,
      runner,
      maxMemoryBytes: maxMemoryPerChildBytes,
      logLevel: lowestLevel(logger),
    }
    const entry = childEntry ?? fileURLToPath(new URL('./child.js', import.meta.url))
    const output = this.#options.childOutput ?? 'WARNING'
    const child: PoolChild = new PoolChild(
      new ChildProcess(
        { entry, start, logger, output },
        this.#listenerOf(() => child),
      ),
      this.#options.clock.monotonic(),
    )
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
      onDone: (done) => {
        this.#onDone(childOf(), done)
      },
      onBack: (keys) => {
        const child = childOf()
        child.recalling = false
        this.#moveOn(child.take(keys))
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
      this.#options.logger.critical(`${child.process.name} reported a job that it does not run, and is killed`)
      this.#population.kill(child)
      return
    }
    const { job } = assignment
    child.shift()
    if (job.hardLimitMs !== undefined) this.#hard.clear(child)
    this.#placement.learn(job.taskName, done.busyMs)
    const verdict = this.#verdictOn(assignment, done.outcome)
    if (verdict === undefined) for (const result of done.results) assignment.store(result)
    assignment.settle(verdict ?? done.outcome)
    if (done.overweight) this.#population.retire(child)
    this.#begin(child)
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
    this.#placement.placeBacklog()
    this.#population.leaveIfDone(child)
    this.#tellFree()
  }

  #onExit(child: PoolChild, exit: Exit): void {
    this.#hard.clear(child)
    const { running } = child
    if (running !== undefined) {
      child.shift()
      running.settle(outcomeOfExit(child, running, exit))
    }
    this.#moveOn(child.takeAll())
    this.#population.left(child, exit)
    this.#placement.placeBacklog()
  }

  /** Jobs that a child had not started. */
  #moveOn(assignments: readonly Assignment[]): void {
    const waiting: Assignment[] = []
    for (const assignment of assignments) {
      const { terminating } = assignment
      if (terminating !== undefined) assignment.settle({ kind: 'terminated', signal: terminating })
      else if (this.#open) waiting.push(assignment)
      else assignment.settle({ kind: 'unstarted' })
    }
    this.#placement.addAgain(waiting)
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

/** Celery's `human_write_stats`: how the jobs were spread over the children. */
function describeWrites(children: readonly PoolChild[]): Readonly<Record<string, unknown>> {
  const counts = children.map((child) => child.jobs)
  const total = counts.reduce((sum, count) => sum + count, 0)
  const share = (count: number): string => (total === 0 ? 0 : count / total).toFixed(2)
  return {
    total,
    avg: share(total / Math.max(counts.length, 1)),
    all: counts.map(share).join(', '),
    raw: counts.join(', '),
    strategy: 'fair',
    inqueues: { total: counts.length, active: children.filter((child) => child.isBusy).length },
  }
}
