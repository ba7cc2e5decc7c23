/** Time as a dependency: the system's clock, and one that tests move by hand (`testing/clock.ts`). */

/** A timer that was set. */
export interface Timer {
  /** Harmless after it fired. */
  cancel(): void
}

export interface Clock {
  /** Unix time in milliseconds. */
  now(): number
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number
  /** Call `callback` once, after `delayMs` milliseconds. Does not keep the process alive when `unref` is set. */
  after(delayMs: number, callback: () => void, options?: { readonly unref?: boolean }): Timer
}

/** Node limits a timer to 2^31-1 ms; longer ones are set again on the way. */
const MAX_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback, options) {
    let handle: NodeJS.Timeout
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(remainingMs, 0), MAX_TIMER_MS)
      handle = setTimeout(() => {
        if (remainingMs > stepMs) arm(remainingMs - stepMs)
        else callback()
      }, stepMs)
      if (options?.unref === true) handle.unref()
    }
    arm(delayMs)
    return {
      cancel: () => {
        clearTimeout(handle)
      },
    }
  },
}
