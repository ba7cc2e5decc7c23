/** Waiting for a fact instead of sleeping. */
import { setTimeout as sleep } from 'node:timers/promises'

/** How to wait. */
export interface WaitOptions {
  /** Give up after so many milliseconds. Default 10000. */
  readonly timeoutMs?: number
  /** Milliseconds between two looks. Default 5. */
  readonly intervalMs?: number
  /** What is waited for, in the error's words: `the worker to be ready`. */
  readonly what?: string
}

/**
 * Look again and again until `condition` answers something that is not `false`, `null` or `undefined`; answers that.
 * A condition that throws is looked at again; when the time is over its error is the cause of ours.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { timeoutMs = 10_000, intervalMs = 5, what = String(condition) } = options
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await look(condition)
    if (!('thrown' in seen) && seen.value !== false && seen.value !== null && seen.value !== undefined) {
      return seen.value as Exclude<T, false | null | undefined>
    }
    if (performance.now() >= deadline) {
      const cause = 'thrown' in seen ? seen.thrown : undefined
      throw new Error(`Waited ${String(timeoutMs)} ms in vain for ${what}`, { cause })
    }
    await sleep(intervalMs)
  }
}

async function look<T>(condition: () => T | Promise<T>): Promise<{ value: T } | { thrown: unknown }> {
  try {
    return { value: await condition() }
  } catch (thrown) {
    return { thrown }
  }
}
