import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { BackendContext, ResultBackend } from '../../../src/backend/backend.ts'
import { storeResult } from '../../../src/backend/storing.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { BackendGetMetaError, ImproperlyConfigured } from '../../../src/errors.ts'
import { encodeTaskMeta } from '../../../src/protocol/result.ts'
import type { LogRecord } from '../../../src/util/logger.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { backendContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'

let factory: MemoryBackendFactory

beforeEach(() => {
  factory = new MemoryBackendFactory()
})

const open = (changes: Partial<BackendContext> = {}): Promise<ResultBackend> =>
  factory.open('memory://', {}, backendContext(changes))

function store(backend: ResultBackend, taskId: string, status = 'SUCCESS'): Promise<void> {
  return storeResult(backend, backend.encodeResult(encodeTaskMeta({ taskId, status, result: null }, 0)))
}

// What every backend does is in test/suites/backend.test.ts.
describe('MemoryBackend', () => {
  it('shares results with backends of the same factory only', async () => {
    await store(await open(), 't1')
    expect(await (await open()).getMeta('t1')).toBeDefined()
    expect(
      await (await new MemoryBackendFactory().open('memory://', {}, backendContext())).getMeta('t1'),
    ).toBeUndefined()
  })

  it('keeps results to the millisecond', async () => {
    const clock = fakeClock()
    const backend = await open({ clock, resultExpiresMs: 1000 })
    await store(backend, 't1')
    await backend.saveGroup('g1', { result: [['g1', null], []] })
    await clock.advance(999)
    expect([await backend.getMeta('t1'), await backend.restoreGroup('g1')]).not.toContain(undefined)
    await clock.advance(1)
    expect([await backend.getMeta('t1'), await backend.restoreGroup('g1')]).toEqual([undefined, undefined])
  })

  it('frees what has expired while it stores, and when it is asked to', async () => {
    const clock = fakeClock()
    const backend = await open({ clock, resultExpiresMs: 1000 })
    for (const id of ['t1', 't2', 't3']) await store(backend, id, 'STARTED')
    await clock.advance(500)
    await store(backend, 't1')
    await clock.advance(500)
    // t2 and t3 have expired; t1 was written later.
    await store(backend, 't4')
    expect(await backend.cleanup()).toBe(0)
    await clock.advance(1000)
    expect(await backend.cleanup()).toBe(2)
  })

  it('ends a watch with the error of a document that cannot be read', async () => {
    const backend = await open()
    const onMeta = vi.fn()
    const error = await new Promise((resolve) => {
      backend.watch(['t1'], onMeta, resolve)
      void storeResult(backend, { taskId: 't1', status: 'STARTED', body: '{' })
    })
    expect(error).toBeInstanceOf(BackendGetMetaError)
    await store(backend, 't1')
    await nextTurn()
    expect(onMeta).not.toHaveBeenCalled()
    await storeResult(backend, { taskId: 't2', status: 'SUCCESS', body: '{' })
    await expect(backend.getMeta('t2')).rejects.toThrow(BackendGetMetaError)
  })

  it('logs a listener that throws, and tells the next document', async () => {
    const records: LogRecord[] = []
    const backend = await open({ logger: createLogger({ write: (record) => records.push(record) }) })
    const onMeta = vi.fn(() => {
      throw new Error('bad listener')
    })
    backend.watch(['t1', 't2'], onMeta, () => undefined)
    await store(backend, 't1')
    await store(backend, 't2')
    await nextTurn()
    expect(onMeta).toHaveBeenCalledTimes(2)
    expect(records.map(({ fields }) => String(fields?.error))).toEqual(Array(2).fill('Error: bad listener'))
  })

  it('has no options', async () => {
    await expect(factory.open('memory://', { prefix: 'x' }, backendContext())).rejects.toThrow(ImproperlyConfigured)
  })
})
