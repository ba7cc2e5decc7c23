import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../../../src/task/outcome.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import type { Deferred } from '../../../../src/util/deferred.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { JobLine } from '../../../../src/worker/pool/job-line.ts'
import type { Job, JobControl } from '../../../../src/worker/pool/pool.ts'
import { makeJob } from '../../../support/pools.ts'
import { waitFor } from '../../../support/wait-for.ts'

const success: Outcome = { kind: 'success', runtimeMs: 1, resultRepr: '1' }

function setUp(maxMemoryBytes?: number) {
  const reports: unknown[] = []
  const started: number[] = []
  const runs = new Map<number, { control: JobControl; end: Deferred<Outcome> }>()
  const line = new JobLine(
    (job: Job, control) => {
      started.push(job.key)
      const end = deferred<Outcome>()
      runs.set(job.key, { control, end })
      return end.promise
    },
    {
      result: (key, { status }) => reports.push(`result ${String(key)} ${status}`),
      part: (key, body) => reports.push(`part ${String(key)} ${String(body)}`),
      done: ({ key, outcome, results, part, overweight }) =>
        reports.push(
          [
            `done ${String(key)} ${outcome.kind}`,
            ...(part === undefined ? [] : [String(part)]),
            ...results.map(({ status }) => status),
            overweight ? '!' : '',
          ].join(' '),
        ),
      back: (keys) => reports.push(`back ${keys.join()}`),
    },
    { maxMemoryBytes, memoryBytes: () => 1000 },
  )
  const store = (key: number, status: string): void => {
    runs.get(key)?.control.store({ taskId: 'id', status, body: '' })
  }
  const end = async (key: number): Promise<void> => {
    runs.get(key)?.end.resolve(success)
    await nextTurn()
  }
  return { line, reports, started, runs, store, end }
}

describe('JobLine', () => {
  it('starts a job at once where none runs, and others in order', async () => {
    const { line, reports, started, end } = setUp()
    line.push(makeJob(1))
    expect(started).toEqual([1])
    line.push(makeJob(2))
    line.push(makeJob(3))
    expect(started).toEqual([1])
    await end(1)
    expect(started).toEqual([1, 2])
    await end(2)
    await end(3)
    expect(reports).toEqual(['done 1 success ', 'done 2 success ', 'done 3 success '])
    line.push(makeJob(4))
    expect(started).toEqual([1, 2, 3, 4])
  })

  it('reports progress at once, and the last document with the outcome', async () => {
    const { line, reports, store, end } = setUp()
    line.push(makeJob(1))
    store(1, 'STARTED')
    expect(reports).toEqual(['result 1 STARTED'])
    store(1, 'SUCCESS')
    expect(reports).toEqual(['result 1 STARTED'])
    await end(1)
    expect(reports).toEqual(['result 1 STARTED', 'done 1 success SUCCESS '])
  })

  it('does not hold the last document for longer than a turn', async () => {
    const { line, reports, store, end } = setUp()
    line.push(makeJob(1))
    store(1, 'SUCCESS')
    await nextTurn()
    expect(reports).toEqual(['result 1 SUCCESS'])
    await end(1)
    expect(reports).toEqual(['result 1 SUCCESS', 'done 1 success '])
  })

  it('reports what a part says with the outcome, or soon', async () => {
    const { line, reports, runs, store, end } = setUp()
    line.push(makeJob(1))
    line.push(makeJob(2))
    runs.get(1)?.control.endPart('said')
    store(1, 'SUCCESS')
    await end(1)
    runs.get(2)?.control.endPart('said')
    store(2, 'SUCCESS')
    await nextTurn()
    await end(2)
    runs.get(2)?.control.endPart('too late')
    expect(reports).toEqual(['done 1 success said SUCCESS ', 'part 2 said', 'result 2 SUCCESS', 'done 2 success '])
  })

  it('keeps the order of documents', async () => {
    const { line, reports, store, end } = setUp()
    line.push(makeJob(1))
    store(1, 'FAILURE')
    store(1, 'PROGRESS')
    store(1, 'SUCCESS')
    await end(1)
    expect(reports).toEqual(['result 1 FAILURE', 'result 1 PROGRESS', 'done 1 success SUCCESS '])
  })

  it('drops what is stored after the end', async () => {
    const { line, reports, store, end } = setUp()
    line.push(makeJob(1))
    await end(1)
    store(1, 'PROGRESS')
    store(1, 'SUCCESS')
    await nextTurn()
    expect(reports).toEqual(['done 1 success '])
  })

  it('gives back what has not started', async () => {
    const { line, reports, started, end } = setUp()
    for (const key of [1, 2, 3]) line.push(makeJob(key))
    line.recall()
    line.recall()
    expect(reports).toEqual(['back 2,3', 'back '])
    line.push(makeJob(4))
    await end(1)
    expect(started).toEqual([1, 4])
  })

  it('aborts the job that runs, and no other', async () => {
    const { line, runs, end } = setUp()
    line.push(makeJob(1))
    line.push(makeJob(2))
    const reason = new Error('enough')
    expect(line.abort(2, reason)).toBe(false)
    expect(line.abort(1, reason)).toBe(true)
    expect(runs.get(1)?.control.signal.reason).toBe(reason)
    await end(1)
    expect(runs.get(2)?.control.signal.aborted).toBe(false)
    expect(line.abort(1, reason)).toBe(false)
    expect(line.isRunning(2)).toBe(true)
  })

  it('aborts a job at its soft limit', async () => {
    const { line, runs } = setUp()
    line.push({ ...makeJob(1), softLimitMs: 10 })
    const signal = runs.get(1)?.control.signal
    await waitFor(() => signal?.aborted)
    expect(signal?.reason).toMatchObject({ name: 'SoftTimeLimitExceeded', seconds: 0.01 })
  })

  it('goes on after a run that rejects, against its promise', async () => {
    const { line, reports, started, runs } = setUp()
    line.push(makeJob(1))
    line.push(makeJob(2))
    runs.get(1)?.end.reject(new Error('oh'))
    await nextTurn()
    expect(reports).toEqual(['done 1 lost '])
    expect(started).toEqual([1, 2])
  })

  it('says when the process is too large, with the last job of the line', async () => {
    const { line, reports, end } = setUp(1)
    line.push(makeJob(1))
    line.push(makeJob(2))
    await end(1)
    await end(2)
    expect(reports).toEqual(['done 1 success ', 'done 2 success !'])
  })
})
