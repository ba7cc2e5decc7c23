/**
 * Requests that came before their time (Celery's ETA): sent by a client that does not park them, or over a broker that
 * cannot. Where the broker can keep them, and it pays, they go back to it until they are due: there they cost no memory
 * and no place in the prefetch count, and any worker may take them then. All others are held here. What becomes of those
 * that are due is the dispatcher's matter.
 */
import { BoundedSet } from '../util/bounded-set.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { Heap } from '../util/heap.ts'
import type { Request } from './request.ts'
import type { WorkerState } from './state.ts'

/** What the hold needs of its worker. */
export interface EtaParts {
  readonly state: WorkerState<Request>
  readonly clock: Clock
  /** Can the broker keep what is given back until it is due? */
  readonly brokerDelays: () => boolean
  /** Told of requests that have become due: they are held no more. */
  readonly onDue: (requests: readonly Request[]) => void
}

/** A wait that is not longer than this is not worth the way to the broker and back. */
const SHORT_MS = 5000
/** Of so many that went back it is known for so long, to see when the broker's clock is ahead of ours. */
const RETURNED_MAX = 1000
const RETURNED_MS = 10_000

interface Held {
  readonly dueMs: number
  readonly request: Request
}

/** Holds the requests of one worker until they are due. */
export class EtaHold {
  readonly #parts: EtaParts
  readonly #returned: BoundedSet
  #held = emptyHeap()
  #timer: Timer | undefined
  /** Unix time in milliseconds at which the timer fires. */
  #timerMs = Infinity

  constructor(parts: EtaParts) {
    this.#parts = parts
    this.#returned = new BoundedSet({ maxSize: RETURNED_MAX, maxAgeMs: RETURNED_MS, clock: parts.clock })
  }

  /** Is this one to go back to the broker until it is due? Whoever asks then gives it back. */
  returns({ head: { id, etaMs }, message }: Request): boolean {
    if (etaMs === undefined || etaMs - this.#parts.clock.now() <= SHORT_MS) return false
    if (message.state !== 'unacked' || !this.#parts.brokerDelays()) return false
    // Here again at once: the broker takes it for due. Giving it back for ever would keep both of us busy.
    if (this.#returned.delete(id)) return false
    this.#returned.add(id)
    return true
  }

  /** Hold a request that is not due yet. Answers whether it was one. */
  hold(request: Request): boolean {
    const { state, clock } = this.#parts
    const dueMs = request.head.etaMs
    if (dueMs === undefined || dueMs <= clock.now()) return false
    state.scheduled.set(request.key, request)
    this.#held.push({ dueMs, request })
    if (dueMs < this.#timerMs) this.#arm(dueMs)
    return true
  }

  /** Forget what is held. */
  clear(): void {
    this.#parts.state.scheduled.clear()
    this.#held = emptyHeap()
    this.#timer?.cancel()
    this.#timerMs = Infinity
  }

  #arm(dueMs: number): void {
    const { clock } = this.#parts
    this.#timer?.cancel()
    this.#timerMs = dueMs
    // The worker keeps the process alive. A timer may be a little early, by the clock on the wall.
    this.#timer = clock.after(Math.max(dueMs - clock.now(), 1), () => this.#release(), { unref: true })
  }

  /** Let go of what is due, and wait for the next. */
  #release(): void {
    const { state, clock, onDue } = this.#parts
    this.#timerMs = Infinity
    const due: Request[] = []
    const nowMs = clock.now()
    for (let next = this.#held.peek(); next !== undefined; next = this.#held.peek()) {
      if (next.dueMs > nowMs) {
        this.#arm(next.dueMs)
        break
      }
      this.#held.pop()
      // It may have been given back meanwhile.
      if (state.scheduled.delete(next.request.key)) due.push(next.request)
    }
    if (due.length > 0) onDue(due)
  }
}

function emptyHeap(): Heap<Held> {
  return new Heap((a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.request.key < b.request.key))
}
