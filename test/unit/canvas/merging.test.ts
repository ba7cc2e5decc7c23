import { describe, expect, it } from 'vitest'
import { merge, mergeOptions, NOTHING_GIVEN, without } from '../../../src/canvas/merging.ts'
import { signatureData } from '../../../src/protocol/signature.ts'

describe('merge', () => {
  const own = signatureData({ task: 'a', args: [2], kwargs: { x: 1, y: 1 }, options: { queue: 'a' } })

  it('puts arguments in front, named ones and options over its own', () => {
    const given = { args: [1], kwargs: { y: 2 }, options: { queue: 'b' } }
    expect(merge(own, given)).toEqual({ args: [1, 2], kwargs: { x: 1, y: 2 }, options: { queue: 'b' } })
    expect(merge(own, NOTHING_GIVEN)).toEqual({ args: [2], kwargs: { x: 1, y: 1 }, options: { queue: 'a' } })
  })

  it('gives an immutable signature options only', () => {
    const given = { args: [1], kwargs: { y: 2 }, options: { queue: 'b' } }
    expect(merge({ ...own, immutable: true }, given)).toEqual({
      args: [2],
      kwargs: { x: 1, y: 1 },
      options: { queue: 'b' },
    })
  })
})

describe('mergeOptions', () => {
  it('keeps the group and the stamps that are there', () => {
    const own = { group_id: 'g', stamped_headers: ['trace'], trace: 'own', queue: 'own' }
    const given = { group_id: 'other', stamped_headers: ['x'], trace: 'other', queue: 'other' }
    expect(mergeOptions(own, given)).toEqual({ ...own, queue: 'other' })
    expect(mergeOptions({}, given)).toEqual(given)
  })

  it('takes null and undefined for nothing', () => {
    expect(mergeOptions({ queue: 'own' }, { queue: null, priority: undefined })).toEqual({ queue: 'own' })
  })
})

describe('without', () => {
  it('leaves out', () => {
    const options = { task_id: 'a', queue: 'b' }
    expect(without(options, 'task_id', 'other')).toEqual({ queue: 'b' })
    expect(options).toEqual({ task_id: 'a', queue: 'b' })
  })
})
