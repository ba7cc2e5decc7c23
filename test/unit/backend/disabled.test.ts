import { describe, expect, it, vi } from 'vitest'
import { storeResult } from '../../../src/backend/storing.ts'
import { disabledBackend } from '../../../src/backend/disabled.ts'
import { NoResultBackend } from '../../../src/errors.ts'
import { encodeTaskMeta } from '../../../src/protocol/result.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { backendContext } from '../../support/context.ts'

const open = () => disabledBackend.open('disabled://', {}, backendContext())

describe('DisabledBackend', () => {
  it('lets writes vanish, whatever the value', async () => {
    const backend = await open()
    const meta = encodeTaskMeta({ taskId: 't1', status: 'SUCCESS', result: Symbol('no form') }, 0)
    await storeResult(backend, backend.encodeResult(meta))
    expect(await backend.cleanup()).toBe(0)
    await backend.close()
    await backend.close()
  })

  it('answers a question about nothing, as workers ask when they start', async () => {
    expect((await (await open()).getMetas([])).size).toBe(0)
  })

  it('says what to configure when a result is asked for', async () => {
    const backend = await open()
    const group = { result: [['g1', null], []] } as const
    const asking = [
      backend.getMeta('t1'),
      backend.getMetas(['t1']),
      backend.forget(['t1']),
      backend.saveGroup('g1', { result: [[...group.result[0]], []] }),
      backend.restoreGroup('g1'),
      backend.deleteGroup('g1'),
    ]
    for (const answer of asking) await expect(answer).rejects.toThrow(NoResultBackend)
  })

  it('ends a watch with the same error, unless it was stopped', async () => {
    const backend = await open()
    const [onError, silent] = [vi.fn(), vi.fn()]
    backend.watch(['t1'], () => undefined, onError)
    backend.watch(['t1'], () => undefined, silent).stop()
    expect(onError).not.toHaveBeenCalled()
    await nextTurn()
    expect(onError).toHaveBeenCalledWith(expect.any(NoResultBackend))
    expect(silent).not.toHaveBeenCalled()
  })
})
