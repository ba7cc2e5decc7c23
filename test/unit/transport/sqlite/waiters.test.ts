import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { putMessages } from '../../../../src/transport/sqlite/messages.ts'
import { Waiters } from '../../../../src/transport/sqlite/waiters.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import { openWithTables } from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

describe('those who wait', () => {
  let database: SqliteDatabase
  let clock: FakeClock
  let waiters: Waiters
  const never = new AbortController().signal
  beforeEach(async () => {
    database = await openWithTables()
    clock = fakeClock()
    waiters = new Waiters(database, clock)
  })
  afterEach(() => database.release())

  async function put(queue: string, dueMs?: number): Promise<void> {
    await database.write((statements) => {
      putMessages(statements, [{ queue, rank: 9, exchange: '', dueMs, meta: '[]', body: 'b' }], clock.now())
      database.notify('messages')
    })
  }

  /** Is the wait over by now? */
  function watch(queues: string[], signal: AbortSignal = never): () => boolean {
    let over = false
    void waiters.wait(queues, signal).then(() => {
      over = true
    })
    return () => over
  }

  it('need not where there is something already', async () => {
    await put('a')
    await waiters.wait(['b', 'a'], never)
  })

  it('are woken when something comes for them, not for others', async () => {
    const [forA, forB] = [watch(['a']), watch(['b', 'c'])]
    await put('c')
    await waitFor(forB)
    expect(forA()).toBe(false)
    await put('a')
    await waitFor(forA)
  })

  it('are woken when something is due, also when it was not the first that is', async () => {
    await put('a', clock.now() + 1000)
    const over = watch(['a'])
    await put('a', clock.now() + 300)
    await clock.advance(299)
    expect(over()).toBe(false)
    await clock.advance(1)
    expect(over()).toBe(true)
  })

  it('stop when they are told to', async () => {
    const control = new AbortController()
    const over = watch(['a'], control.signal)
    control.abort()
    await waitFor(over)
    await waiters.wait(['a'], control.signal)
    const all = [watch(['a']), watch(['b'])]
    waiters.wakeAll()
    await waitFor(() => all.every((each) => each()))
  })

  it('leave nothing behind', async () => {
    const listen = vi.spyOn(database, 'onNotify')
    const stops: ReturnType<typeof vi.fn>[] = []
    listen.mockImplementation(() => {
      const stop = vi.fn()
      stops.push(stop)
      return stop
    })
    await put('later', clock.now() + 1000)
    const [one, two] = [new AbortController(), new AbortController()]
    const both = [watch(['a'], one.signal), watch(['a'], two.signal)]
    expect([stops.length, clock.pending]).toEqual([1, 1])
    one.abort()
    expect(stops[0]).not.toHaveBeenCalled()
    two.abort()
    expect(stops[0]).toHaveBeenCalledOnce()
    expect(clock.pending).toBe(0)
    await waitFor(() => both.every((each) => each()))
  })

  it('are woken when the file cannot be read, to find out why', async () => {
    const over = watch(['a'])
    vi.spyOn(database, 'read').mockImplementation(() => {
      throw new Error('broken')
    })
    waiters.check()
    await waitFor(over)
  })
})
