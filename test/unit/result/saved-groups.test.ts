import { describe, expect, it } from 'vitest'
import { taskTuple } from '../../../src/protocol/result.ts'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import { SavedGroups } from '../../../src/result/saved-groups.ts'
import { RESULT_STORES, resultPlace } from '../../support/results.ts'

describe('saved groups', () => {
  it.each(RESULT_STORES)('come back whole, until they are deleted: %s', async (store) => {
    const { host, backend, succeed } = await resultPlace(store)
    const inner = new GroupResult('h', [new AsyncResult('b', host)], host)
    const parent = new AsyncResult('p', host)
    await new GroupResult('g', [new AsyncResult('a', host), inner], host, { parent }).save()
    const saved = new SavedGroups(host)
    const group = await saved.restore('g')
    expect(group).toBeInstanceOf(GroupResult)
    expect([group?.id, group?.parent?.id, group?.asList()]).toEqual(['g', 'p', ['a', 'b', 'p']])
    await succeed('a', 1)
    await succeed('b', 2)
    expect(await group?.get()).toEqual([1, [2]])
    await saved.delete('g')
    expect(await saved.restore('g')).toBeUndefined()
    await backend.close()
  })

  it('are groups and nothing else', async () => {
    const { host, backend } = await resultPlace()
    await backend.saveGroup('g', { result: taskTuple('g') })
    await expect(new SavedGroups(host).restore('g')).rejects.toMatchObject({ code: 'DECODE_ERROR' })
  })
})
