import { describe, expect, it } from 'vitest'
import type { ResultBackend } from '../../../src/backend/backend.ts'
import { BackendStoreError, OperationalError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { ResultWriter } from '../../../src/worker/result-writer.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const result = { taskId: 'a', status: 'SUCCESS', body: '{}' }
const to = { reply_to: 'replies' }
const diskFull = (): BackendStoreError =>
  new BackendStoreError('disk full', 'a', 'SUCCESS', { cause: new OperationalError('disk full') })

describe('ResultWriter', () => {
  it('tries again as long as the store is in trouble', async () => {
    const clock = fakeClock()
    let attempts = 0
    const storeResult = (): Promise<void> => {
      attempts += 1
      return attempts < 4 ? Promise.reject(diskFull()) : Promise.resolve()
    }
    const backend = { storeResult } as unknown as ResultBackend
    const stopping = new AbortController().signal
    const writing = new ResultWriter({ backend, clock, logger: silentLogger(), stopping }).write(result, to)
    await clock.advance(60_000)
    expect(await writing).toBeUndefined()
    expect(attempts).toBe(4)
  })

  it('gives up at once where trying again is of no use', async () => {
    const backend = {
      storeResult: () => Promise.reject(new BackendStoreError('no', 'a', 'SUCCESS')),
    } as unknown as ResultBackend
    const stopping = new AbortController().signal
    const writer = new ResultWriter({ backend, clock: fakeClock(), logger: silentLogger(), stopping })
    expect(await writer.write(result, to)).toMatchObject({ message: 'no' })
  })

  it('gives up when the worker ends', async () => {
    const clock = fakeClock()
    const stopping = new AbortController()
    const backend = { storeResult: () => Promise.reject(diskFull()) } as unknown as ResultBackend
    const writing = new ResultWriter({ backend, clock, logger: silentLogger(), stopping: stopping.signal }).write(
      result,
      to,
    )
    await clock.advance(2000)
    stopping.abort()
    expect(await writing).toMatchObject({ message: 'disk full' })
    expect(clock.pending).toBe(0)
  })
})
