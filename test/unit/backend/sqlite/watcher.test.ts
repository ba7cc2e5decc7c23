import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { writeResults } from '../../../../src/backend/sqlite/results.ts'
import { Watcher } from '../../../../src/backend/sqlite/watcher.ts'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import type { TaskMeta } from '../../../../src/protocol/result.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { openDatabase, openWithTables } from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** The document is its own body here. */
function decode(taskId: string, body: unknown): TaskMeta {
  if (body === 'bad') throw new Error('no document')
  return { task_id: taskId, status: 'SUCCESS', result: body, traceback: null, children: null, date_done: null }
}

describe('a watcher', () => {
  let database: SqliteDatabase
  let worker: SqliteDatabase
  let watcher: Watcher
  beforeEach(async () => {
    database = await openWithTables()
    worker = openDatabase(database.file)
    watcher = new Watcher(database, { clock: systemClock, logger: silentLogger(), decode })
  })
  afterEach(async () => {
    watcher.stop(new Error('closed'))
    await Promise.all([database.release(), worker.release()])
  })

  async function write(results: Record<string, string>, status = 'STARTED'): Promise<void> {
    const documents = Object.entries(results).map(([taskId, body]) => ({ taskId, status, body }))
    await worker.write((statements) => {
      writeResults(statements, documents, null, Date.now())
      worker.notify('results')
    })
  }

  function watch(...ids: string[]): { heard: string[]; errors: Error[]; stop: () => void } {
    const heard: string[] = []
    const errors: Error[] = []
    const { stop } = watcher.watch(
      ids,
      (meta) => heard.push(`${meta.task_id}=${String(meta.result)}`),
      (error) => errors.push(error),
    )
    return { heard, errors, stop }
  }

  it('tells what is there, and what comes, each once', async () => {
    await write({ a: '1', b: '1' })
    const { heard } = watch('a', 'c')
    expect(heard).toEqual([])
    await waitFor(() => heard.length === 1)
    await write({ b: '2' })
    await write({ c: '1' })
    await waitFor(() => heard.length === 2)
    await write({ a: '2' })
    await waitFor(() => heard.length === 3)
    expect(heard).toEqual(['a=1', 'c=1', 'a=2'])
  })

  it('tells a new watch what is there, and the old one only what is new', async () => {
    await write({ a: '1' })
    const old = watch('a')
    await waitFor(() => old.heard.length === 1)
    const fresh = watch('a')
    await waitFor(() => fresh.heard.length === 1)
    await write({ a: '2' })
    await waitFor(() => fresh.heard.length === 2 && old.heard.length === 2)
    expect([old.heard, fresh.heard]).toEqual([
      ['a=1', 'a=2'],
      ['a=1', 'a=2'],
    ])
  })

  it('finds the few that are watched among many that are written, and the other way round', async () => {
    const few = watch('t5')
    const many = watch(...Array.from({ length: 500 }, (_, index) => `w${String(index)}`))
    await write(Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`t${String(index)}`, 'x'])))
    await waitFor(() => few.heard.length === 1)
    await write({ w7: 'y', w499: 'z' })
    await waitFor(() => many.heard.length === 2)
    expect([few.heard, many.heard.sort()]).toEqual([['t5=x'], ['w499=z', 'w7=y']])
  })

  it('rests after a look for longer than the look took', async () => {
    const listen = vi.spyOn(database, 'onNotify')
    watch('a')
    await waitFor(() => listen.mock.calls.length === 1)
    let spentMs = 0
    const read = vi.spyOn(database, 'read').mockImplementation(() => {
      const startMs = performance.now()
      while (performance.now() - startMs < 10);
      spentMs += 10
      return [] as never
    })
    const startMs = performance.now()
    while (performance.now() - startMs < 300) {
      database.notify('results')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    read.mockRestore()
    expect(spentMs).toBeGreaterThan(0)
    // One part in six of the time, and one look more.
    expect(spentMs).toBeLessThanOrEqual((performance.now() - startMs) / 6 + 10)
  })

  it('stops when it is told to, also from within, and others go on', async () => {
    const other = watch('a')
    const heard: unknown[] = []
    const inner = watcher.watch(
      ['a', 'b'],
      (meta) => {
        heard.push(meta.result)
        inner.stop()
      },
      () => undefined,
    )
    await write({ a: '1', b: '1' })
    await waitFor(() => other.heard.length === 1)
    await write({ a: '2' })
    await waitFor(() => other.heard.length === 2)
    expect(heard).toEqual(['1'])
    other.stop()
    other.stop()
  })

  it('ends a watch whose document cannot be read, and no other', async () => {
    const [bad, good] = [watch('a', 'b'), watch('b')]
    await write({ a: 'bad' })
    await waitFor(() => bad.errors.length === 1)
    await write({ b: 'fine' })
    await waitFor(() => good.heard.length === 1)
    expect(bad.heard).toEqual([])
    expect(bad.errors).toMatchObject([{ message: 'no document' }])
  })

  it("does not mind a listener's error", async () => {
    const broken = vi.fn(() => {
      throw new Error('theirs')
    })
    watcher.watch(['a'], broken, () => undefined)
    const good = watch('a')
    await write({ a: '1' })
    await waitFor(() => good.heard.length === 1)
    expect(broken).toHaveBeenCalledOnce()
  })

  it('ends all watches when the file cannot be read', async () => {
    const watches = [watch('a'), watch('b')]
    vi.spyOn(database, 'read').mockImplementation(() => {
      throw new Error('broken')
    })
    await waitFor(() => watches.every(({ errors }) => errors.length === 1))
    expect(watches.map(({ errors }) => errors[0]?.message)).toEqual(['broken', 'broken'])
  })

  it('listens only while somebody watches', async () => {
    const listen = vi.spyOn(database, 'onNotify')
    const { stop } = watch('a')
    await waitFor(() => listen.mock.calls.length === 1)
    stop()
    watch('b').stop()
    expect(listen).toHaveBeenCalledOnce()
  })
})
