import { describe, expect, it } from 'vitest'
import { Canvas } from '../../../src/canvas/canvas.ts'
import { Chain, chainOf } from '../../../src/canvas/chain.ts'
import { Chord, chordOf } from '../../../src/canvas/chord.ts'
import { Group, groupOf } from '../../../src/canvas/group.ts'
import { Signature } from '../../../src/canvas/signature.ts'
import { ImproperlyConfigured, InvalidTaskError } from '../../../src/errors.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import { canvasPlace, shapeOf } from '../../support/canvas.ts'

const { host, s } = canvasPlace()
const canvas = new Canvas(host)

describe('plain data', () => {
  it.each([
    ['task', s('a', [1], { immutable: true, queue: 'q' }), Signature],
    ['chain', chainOf([s('a'), chainOf([s('b')])]), Chain],
    ['group', groupOf([s('a'), groupOf([s('b')])]), Group],
    ['chord', chordOf([s('a'), chainOf([s('b')])], groupOf([s('c')])), Chord],
  ] as const)('of a %s becomes a signature of its kind again', (_, signature, Kind) => {
    const text = JSON.stringify(signature)
    const data: unknown = JSON.parse(text)
    const again = canvas.signature(data)
    expect(again.constructor).toBe(Kind)
    expect(JSON.stringify(again)).toBe(text)
    again.set({ queue: 'later' })
    again.members?.forEach((member) => member.set({ queue: 'later' }))
    expect(JSON.stringify(data)).toBe(text)
  })

  it('of a frozen chord keeps its id, and the ids of its header', () => {
    const chord = chordOf([s('a')], s('b'))
    chord.freeze()
    const again = canvas.signature(JSON.parse(JSON.stringify(chord)))
    expect([again.id, again.data.kwargs['header']]).toMatchObject([chord.id, [{ id: chord.tasks[0]?.id }]])
    expect(shapeOf(again)).toBe('{a}->b')
  })

  it('of a chord whose header is one signature counts as a header of one', () => {
    const data = signatureData({ task: 'celery.chord', kwargs: { header: s('a').toJSON() }, subtask_type: 'chord' })
    const chord = canvas.signature(data) as Chord
    expect([chord.tasks.map(shapeOf), chord.body]).toEqual([['a'], undefined])
  })

  it('that is no signature is refused', () => {
    expect(() => canvas.signature({ args: [] })).toThrow(InvalidTaskError)
    expect(() => canvas.signature({ task: 'a', subtask_type: 'mine' })).toThrow(ImproperlyConfigured)
  })

  it('that is a signature already is that', () => {
    const signature = s('a')
    expect(canvas.signature(signature)).toBe(signature)
  })
})

describe('a kind of ones own', () => {
  it('is made by whoever registered it', () => {
    class Mine extends Signature {}
    canvas.register('mine', (data, place) => new Mine(data, place))
    const chain = canvas.signature(
      chainOf([new Mine(signatureData({ task: 'a', subtask_type: 'mine' }), host) as never]).toJSON(),
    )
    expect(chain.members?.[0]).toBeInstanceOf(Mine)
  })
})

describe('pipe', () => {
  it('is handed on', () => {
    expect(shapeOf(canvas.pipe(s('a'), s('b')))).toBe('[a b]')
  })
})
