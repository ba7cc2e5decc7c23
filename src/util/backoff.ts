/** Waits between attempts that grow by a step each time, and a pause that can be cut short. */
import { setMaxListeners } from 'node:events'
import type { Clock } from './clock.ts'

/** Waits that grow evenly up to a longest one, in milliseconds. */
export interface GrowingWait {
  readonly startMs: number
  readonly stepMs: number
  readonly maxMs: number
}

/** The wait before retry number `retry`, in milliseconds. The first retry is number 0. */
export function waitBefore(retry: number, wait: GrowingWait): number {
  return Math.max(0, Math.min(wait.startMs + wait.stepMs * retry, wait.maxMs))
}

/** Resolves after `delayMs`, or as soon as one of `signals` aborts. Never rejects. */
export function pause(clock: Clock, delayMs: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      for (const signal of signals) signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(delayMs, end)
    for (const signal of signals) {
      if (signal === undefined) continue
      // As many as wait at a time: Node takes eleven for a leak, and warns.
      setMaxListeners(0, signal)
      signal.addEventListener('abort', end)
    }
    if (signals.some((signal) => signal?.aborted === true)) end()
  })
}
