/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../../src/util/clock.ts'

/** The clock, and the test's hand on it. */
export interface FakeClock extends Clock {
  /** Let so many milliseconds pass: timers that become due are called in order, and promises they resolve go on. */
  advance(ms: number): Promise<void>
  /** How many timers are set. */
  readonly pending: number
}

interface Entry {
  readonly dueMs: number
  readonly callback: () => void
}

/** A fake clock. `startMs` is its first `now()`, in Unix milliseconds; by default the start of 2026. */
export function fakeClock(startMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  const entries = new Set<Entry>()
  let elapsedMs = 0
  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, callback): Timer {
      const entry = { dueMs: elapsedMs + Math.max(delayMs, 0), callback }
      entries.add(entry)
      return { cancel: () => void entries.delete(entry) }
    },
    get pending(): number {
      return entries.size
    },
    async advance(ms): Promise<void> {
      const end = elapsedMs + ms
      await settle()
      for (let entry = nextDue(entries, end); entry !== undefined; entry = nextDue(entries, end)) {
        entries.delete(entry)
        elapsedMs = entry.dueMs
        entry.callback()
        await settle()
      }
      elapsedMs = end
    },
  }
}

/** The earliest entry that is due; of equal ones the one that was set first. */
function nextDue(entries: ReadonlySet<Entry>, endMs: number): Entry | undefined {
  let next: Entry | undefined
  for (const entry of entries)
    if (entry.dueMs <= endMs && (next === undefined || entry.dueMs < next.dueMs)) next = entry
  return next
}

/** All microtasks, and what the event loop has ready, before time goes on. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
