import { describe, expect, it } from 'vitest'
import { lengthState, LzmaModel, MAX_MATCH, undecided } from '../../../../src/serialization/codec/lzma.ts'

describe('LzmaModel', () => {
  it('begins undecided', () => {
    expect([...undecided(3)]).toEqual([1024, 1024, 1024])
    const model = new LzmaModel({ lc: 3, lp: 0, pb: 2 })
    expect(model.literals).toHaveLength(0x300 * 8)
    expect([model.state, ...model.repeats]).toEqual([0, 0, 0, 0, 0])
  })

  it('knows where it is', () => {
    const model = new LzmaModel({ lc: 2, lp: 1, pb: 2 })
    expect(model.positionState(7)).toBe(3)
    expect(model.literalStart(1, 0b1100_0000)).toBe(0x300 * (4 + 3))
  })

  it('moves from state to state', () => {
    const model = new LzmaModel({ lc: 3, lp: 0, pb: 2 })
    const states = (
      ['afterMatch', 'afterMatch', 'afterLiteral', 'afterLiteral', 'afterRepeat', 'afterShortRepeat'] as const
    ).map((move) => {
      model[move]()
      return model.state
    })
    expect(states).toEqual([7, 10, 4, 1, 8, 11])
  })

  it('has a set of slots for each short length', () => {
    expect([2, 3, 4, 5, 6, MAX_MATCH].map(lengthState)).toEqual([0, 1, 2, 3, 3, 3])
    expect(MAX_MATCH).toBe(273)
  })
})
