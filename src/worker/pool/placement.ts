/**
 * Which child of a pool gets which job, and when. Jobs that no child may take now wait in the backlog.
 *
 * A round trip to a child takes longer than a tiny job. So a child is handed jobs ahead, but only where they are known
 * to be tiny (`estimates.ts`), and those that wait behind one that is not are called back. A child that is blocked in
 * synchronous code cannot answer to that: its line waits until the job ends or is over its hard limit.
 */
import type { Clock } from '../../util/clock.ts'
import type { Assignment } from './assignment.ts'
import { Estimates } from './estimates.ts'
import { STALLED_MS, WINDOW_MS } from './pool-child.ts'
import type { PoolChild } from './pool-child.ts'

export interface PlacementParts {
  readonly clock: Clock
  readonly children: ReadonlySet<PoolChild>
  /** How many jobs may run at the same time; `children` may be more while some are replaced. */
  readonly concurrency: number
  /** The child was sent this job, and it is the only one there: it starts. */
  readonly onFirst: (child: PoolChild) => void
  /** The child is about to be sent this job. */
  readonly onHanding: (child: PoolChild, assignment: Assignment, nowMs: number) => void
  /** The child was sent a job. */
  readonly onHanded: (child: PoolChild) => void
}

export class Placement {
  /** May change at any time. */
  concurrency: number
  readonly #parts: PlacementParts
  readonly #estimates = new Estimates()
  #backlog: Assignment[] = []
  #watches = false

  constructor(parts: PlacementParts) {
    this.#parts = parts
    this.concurrency = parts.concurrency
  }

  /** How many more jobs need not wait behind a long one, if they are what jobs have been so far. */
  get free(): number {
    const { children, clock } = this.#parts
    const nowMs = clock.monotonic()
    const typicalMs = this.#estimates.typicalMs ?? WINDOW_MS
    let busy = 0
    let idle = 0
    let room = 0
    let roomOfIdle = 0
    for (const child of children) {
      if (child.isBusy) busy += 1
      if (child.length > 0) room += child.room(typicalMs, nowMs)
      else if (child.state === 'ready') {
        idle += 1
        roomOfIdle = Math.max(child.room(typicalMs, nowMs), 1)
      }
    }
    const slots = Math.max(Math.min(idle, this.concurrency - busy), 0)
    return Math.max(slots * roomOfIdle + room - this.#backlog.length, 0)
  }

  /** To a child now, or to the backlog. */
  add(assignment: Assignment): void {
    if (this.#backlog.length > 0 || !this.#place(assignment)) this.#backlog.push(assignment)
  }

  /** These were not started where they were: they go before all others, with the next `placeBacklog`. */
  addAgain(assignments: readonly Assignment[]): void {
    this.#backlog.unshift(...assignments)
  }

  /** Hand out what waits, as far as it goes. */
  placeBacklog(): void {
    let first = this.#backlog[0]
    while (first !== undefined && this.#place(first)) {
      this.#backlog.shift()
      first = this.#backlog[0]
    }
  }

  /** Take a job out of the backlog. */
  withdraw(key: number): Assignment | undefined {
    const index = this.#backlog.findIndex((assignment) => assignment.job.key === key)
    return index === -1 ? undefined : this.#backlog.splice(index, 1)[0]
  }

  /** Take all jobs out of the backlog. */
  withdrawAll(): Assignment[] {
    return this.#backlog.splice(0)
  }

  /** A job of this task kept a child busy for so long. */
  learn(taskName: string, busyMs: number): void {
    this.#estimates.add(taskName, busyMs)
  }

  /** Ask for what the child has not started; it gets nothing before it has answered. */
  recall(child: PoolChild): void {
    if (child.recalling) return
    child.recalling = true
    child.handle.sendRecall()
  }

  #place(assignment: Assignment): boolean {
    const estimateMs = this.#estimates.of(assignment.job.taskName)
    const nowMs = this.#parts.clock.monotonic()
    let busy = 0
    let idle: PoolChild | undefined
    let shortest: PoolChild | undefined
    for (const child of this.#parts.children) {
      if (child.isBusy) busy += 1
      if (child.length === 0) {
        if (child.state === 'ready') idle ??= child
      } else if (
        estimateMs !== undefined &&
        child.room(estimateMs, nowMs) > 0 &&
        (shortest === undefined || child.lineMs < shortest.lineMs)
      ) {
        shortest = child
      }
    }
    const child = busy < this.concurrency && idle !== undefined ? idle : shortest
    if (child === undefined) return false
    assignment.estimateMs = Math.min(estimateMs ?? WINDOW_MS, WINDOW_MS)
    this.#parts.onHanding(child, assignment, nowMs)
    this.#hand(child, assignment)
    return true
  }

  #hand(child: PoolChild, assignment: Assignment): void {
    child.handle.sendJob(assignment.job)
    child.push(assignment)
    if (child.length === 1) this.#parts.onFirst(child)
    else this.#watch()
    this.#parts.onHanded(child)
  }

  /** While jobs wait behind others, look now and then whether these are as short as they were thought to be. */
  #watch(): void {
    if (this.#watches) return
    this.#watches = true
    this.#parts.clock.after(STALLED_MS, () => this.#recallFromStalled(), { unref: true })
  }

  #recallFromStalled(): void {
    this.#watches = false
    const nowMs = this.#parts.clock.monotonic()
    for (const child of this.#parts.children) {
      if (child.length < 2) continue
      if (nowMs - child.runningSinceMs > STALLED_MS) this.recall(child)
      else this.#watch()
    }
  }
}
