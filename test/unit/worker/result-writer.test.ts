import { describe, expect, it } from 'vitest'
import type { ResultBackend, StoringResult } from '../../../src/backend/backend.ts'
import { activeExecution, runInExecution } from '../../../src/context.ts'
import type { ActiveExecution } from '../../../src/context.ts'
import { BackendStoreError, OperationalError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { ResultWriter } from '../../../src/worker/result-writer.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'

const result = { taskId: 'a', status: 'SUCCESS', body: '{}' }
const to = { reply_to: 'replies' }
const diskFull = (): BackendStoreError =>
  new BackendStoreError('disk full', 'a', 'SUCCESS', { cause: new OperationalError('disk full') })

/** Over a store that fails so often, with this error. */
function fixture(failures: number, error: Error = diskFull()) {
  const clock: FakeClock = fakeClock()
  const stopping = new AbortController()
  let attempts = 0
  const storeResult = async (storing: StoringResult): Promise<void> => {
    attempts += 1
    storing.error = attempts <= failures ? error : undefined
  }
  const backend = { storeResult } as unknown as ResultBackend
  const writer = new ResultWriter({ backend, clock, logger: silentLogger(), stopping: stopping.signal })
  const write = (): Promise<Error | undefined> =>
    new Promise((written) => {
      writer.write(result, to, { written })
    })
  return { clock, stopping, writer, write, attempts: () => attempts }
}

describe('ResultWriter', () => {
  it('tries again as long as the store is in trouble', async () => {
    const { clock, write, attempts } = fixture(3)
    const writing = write()
    await clock.advance(60_000)
    expect(await writing).toBeUndefined()
    expect(attempts()).toBe(4)
  })

  it('gives up at once where trying again is of no use', async () => {
    const { write } = fixture(1, new BackendStoreError('no', 'a', 'SUCCESS'))
    expect(await write()).toMatchObject({ message: 'no' })
  })

  it('gives up when the worker ends', async () => {
    const { clock, stopping, write } = fixture(Infinity)
    const writing = write()
    await clock.advance(2000)
    stopping.abort()
    expect(await writing).toMatchObject({ message: 'disk full' })
    expect(clock.pending).toBe(0)
  })

  it('tells in nobody’s execution: what follows is no child of a task that stored something', async () => {
    const { writer } = fixture(0)
    const seen = await new Promise((resolve) => {
      const written = (): void => {
        resolve(activeExecution())
      }
      runInExecution({ taskId: 'a' } as ActiveExecution, () => {
        writer.write(result, to, { written })
      })
    })
    expect(seen).toBeUndefined()
  })
})
