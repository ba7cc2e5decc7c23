import { describe, expect, it } from 'vitest'
import type { ChordStore, ResultBackend } from '../../../src/backend/backend.ts'
import { DisabledBackend } from '../../../src/backend/disabled.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { startChord } from '../../../src/canvas/chord-start.ts'
import { groupTuple, taskTuple } from '../../../src/protocol/result.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import { bringPart } from '../../support/chord-parts.ts'
import { backendContext } from '../../support/context.ts'
import { fakeHost } from '../../support/fake-host.ts'

const BODY = signatureData({ task: 'sum', options: { task_id: 'b1', queue: 'sums', priority: 4 } })
const SIMPLE = { groupId: 'g1', size: 2, results: [taskTuple('t1'), taskTuple('t2')] }

function hostWith(backend: ResultBackend): ReturnType<typeof fakeHost> {
  const fake = fakeHost()
  return { ...fake, host: { ...fake.host, backend: async () => backend } }
}

function memory(): Promise<ResultBackend> {
  return new MemoryBackendFactory().open('memory://', {}, backendContext())
}

describe('startChord', () => {
  it('tells a backend that counts how many parts there are', async () => {
    const backend = await memory()
    const { host, calls } = hostWith(backend)
    await startChord(host, SIMPLE, BODY)
    const part = { groupId: 'g1', status: 'SUCCESS', result: 1, claim: 'c' }
    expect(await bringPart(backend.chords as ChordStore, { ...part, taskId: 't1', index: 0 })).toEqual({
      kind: 'counted',
    })
    expect(await bringPart(backend.chords as ChordStore, { ...part, taskId: 't2', index: 1 })).toMatchObject({
      kind: 'complete',
    })
    expect(calls).toEqual([])
    expect(await backend.restoreGroup('g1')).toBeUndefined()
  })

  it('saves the form of a header with groups in it', async () => {
    const backend = await memory()
    const results = [taskTuple('t1'), groupTuple('g2', [taskTuple('t2'), taskTuple('t3')])]
    await startChord(hostWith(backend).host, { groupId: 'g1', size: 3, results }, BODY)
    expect(await backend.restoreGroup('g1')).toEqual({ result: groupTuple('g1', results) })
  })

  it('sends celery.chord_unlock to the queue of the body where the backend does not count', async () => {
    const { host, calls } = hostWith({ features: {} } as ResultBackend)
    await startChord(host, SIMPLE, BODY, { interval: 0.5, maxRetries: 9 })
    expect(calls).toEqual([
      {
        name: 'celery.chord_unlock',
        args: ['g1', BODY],
        options: {
          kwargs: { result: SIMPLE.results, interval: 0.5, max_retries: 9 },
          countdown: 1,
          priority: 4,
          queue: 'sums',
        },
      },
    ])
    await startChord(host, SIMPLE, signatureData({ task: 'sum' }))
    expect(calls[1]?.options).toMatchObject({ routeName: 'sum', priority: 0 })
  })

  it('refuses where there is no result to wait for, and says what to do', async () => {
    const starting = startChord(hostWith(new DisabledBackend()).host, SIMPLE, BODY)
    await expect(starting).rejects.toThrow(/needs a result backend that keeps results: .*set the option "backend"/)
  })
})
