import { expect, it } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'
import { BoundedSet } from '../../../src/util/bounded-set.ts'
import { describeActivity } from '../../../src/worker/activity.ts'
import { WorkerState } from '../../../src/worker/state.ts'

it('names what runs, counts what waits, and tells what is open', () => {
  const state = new WorkerState<{ key: number; head: { id: string; retries: number }; label: string }>(
    new BoundedSet({ maxSize: 1, maxAgeMs: 1, clock: fakeClock() }),
  )
  const request = { key: 1, head: { id: 'a', retries: 0 }, label: 'proj.add[a]' }
  state.active.set(1, request)
  state.reserved.set(2, request)
  state.settling = 3
  const text = describeActivity(state)
  expect(text).toMatch(new RegExp(`^Process ${String(process.pid)}, up \\d+ s, \\d+ MiB in memory`))
  expect(text).toContain(
    'Running: 1\n  proj.add[a]\nWaiting here: 1; held until their time: 0; ended, not settled: 3\n',
  )
  expect(text).toMatch(/\nOpen: \d+ \w+/)
})
