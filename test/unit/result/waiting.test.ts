import { describe, expect, it } from 'vitest'
import { runInExecution } from '../../../src/context.ts'
import { awaitDocuments, refuseToJoin } from '../../../src/result/waiting.ts'
import { resultPlace } from '../../support/results.ts'

const LIMITS = { late: (): string => 'too late' }

describe('waiting for documents', () => {
  it('shows those of now and those that come, with one watch, until it is told to end', async () => {
    const { host, asked, watching, succeed } = await resultPlace()
    await succeed('a', 1)
    const seen: unknown[] = []
    const waiting = awaitDocuments<string>(await host.backend(), ['a', 'b'], LIMITS, (meta, end) => {
      seen.push(meta.result)
      if (seen.length === 2) end.resolve('done')
    })
    await succeed('b', 2)
    expect(await waiting).toBe('done')
    expect([seen, asked.watch, watching()]).toEqual([[1, 2], 1, 0])
  })

  it.each([
    ['its time is over', { timeout: 0.01 }, { code: 'TIMEOUT', message: 'too late' }],
    ['its signal is aborted', { signal: AbortSignal.abort(new Error('enough')) }, { message: 'enough' }],
    [
      'its signal is aborted without an error',
      { signal: AbortSignal.abort('x') },
      { code: 'CELERY_ERROR', cause: 'x' },
    ],
  ])('gives up when %s', async (_, limits, error) => {
    const { host, watching } = await resultPlace()
    const waiting = awaitDocuments(await host.backend(), ['a'], { ...LIMITS, ...limits }, () => undefined)
    await expect(waiting).rejects.toMatchObject(error)
    expect(watching()).toBe(0)
  })

  it('fails with what looks at them, and with the backend', async () => {
    const { backend, host, succeed, watching } = await resultPlace()
    await succeed('a', 1)
    const failing = awaitDocuments(await host.backend(), ['a'], LIMITS, () => {
      throw new Error('look')
    })
    await expect(failing).rejects.toThrow('look')
    const waiting = awaitDocuments(await host.backend(), ['b'], LIMITS, () => undefined)
    await backend.close()
    await expect(waiting).rejects.toThrow('memory:// was closed')
    expect(watching()).toBe(0)
  })
})

it('is refused inside a task that holds a slot', () => {
  const facts = { taskId: 't', rootId: 't', priority: undefined, children: [], context: undefined }
  const refuse = (joinWillBlock: boolean) => () => {
    runInExecution({ ...facts, joinWillBlock }, refuseToJoin)
  }
  expect(refuse(true)).toThrow('Never wait for a result inside a task')
  expect(refuse(false)).not.toThrow()
  expect(refuseToJoin).not.toThrow()
})
