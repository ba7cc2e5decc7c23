import { describe, expect, it } from 'vitest'
import { chord } from '../../../src/canvas/chord.ts'
import { group } from '../../../src/canvas/group.ts'
import { chain, pipe } from '../../../src/canvas/pipe.ts'
import type { AnySignature } from '../../../src/canvas/signature.ts'
import { canvasPlace, shapeOf } from '../../support/canvas.ts'

const { s } = canvasPlace()
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => s(name)) as [
  AnySignature,
  AnySignature,
  AnySignature,
  AnySignature,
]
const chainOf = (...steps: AnySignature[]): AnySignature => chain(steps) as AnySignature
const groupOf = (...tasks: AnySignature[]): AnySignature => group(tasks) as AnySignature
const chordOf = (header: AnySignature[], body: AnySignature): AnySignature =>
  chord(header, body as never) as AnySignature
const none = chainOf()

/** Celery's rules for `left | right`, one a row. */
const RULES: readonly [rule: string, left: AnySignature, right: AnySignature, result: string][] = [
  ['task | task', a, b, '[a b]'],
  ['task | chain', a, chainOf(b, c), '[a b c]'],
  ['task | group of one', a, groupOf(b), '[a b]'],
  ['task | group', a, groupOf(b, c), '[a (b c)]'],
  ['task | chord', a, chordOf([b], c), '[a {b}->c]'],
  ['empty chain | group', none, groupOf(a, b), '(a b)'],
  ['chain | group of one', chainOf(a, b), groupOf(c), '[a b c]'],
  ['chain | group of one chain', chainOf(a, b), groupOf(chainOf(c, d)), '[a b c d]'],
  ['chain that ends in a chord | group', chainOf(a, chordOf([b], c)), groupOf(c, d), '[a {b}->[c (c d)]]'],
  ['chain | group', chainOf(a, b), groupOf(c, d), '[a b (c d)]'],
  ['chain | chain', chainOf(a, b), chainOf(c, d), '[a b c d]'],
  ['chain that ends in a group | task', chainOf(a, groupOf(b, c)), d, '[a {b c}->d]'],
  [
    'chain that ends in a chord and a group | task',
    chainOf(a, chordOf([b], c)).pipe(groupOf(c, d)),
    d,
    '[a {b}->[c {c d}->d]]',
  ],
  ['chain that ends in a chord | task', chainOf(a, chordOf([b], c)), d, '[a {b}->[c d]]'],
  ['chain that ends in a chord | chord', chainOf(a, chordOf([b], c)), chordOf([c], d), '[a {b}->c {c}->d]'],
  ['group | empty group', groupOf(a, b), groupOf(), '(a b)'],
  ['group | task', groupOf(a, b), c, '{a b}->c'],
  ['group | chain', groupOf(a, b), chainOf(c, d), '{a b}->[c d]'],
  ['group | group', groupOf(a, b), groupOf(c, d), '{a b}->(c d)'],
  ['chord | task', chordOf([a], b), c, '{a}->[b c]'],
  ['chord | group of one', chordOf([a], b), groupOf(c), '{a}->[b c]'],
  ['chord | chord', chordOf([a], b), chordOf([c], d), '{a}->[b {c}->d]'],
  ['chord | chain', chordOf([a], b), chainOf(c, d), '[{a}->b c d]'],
  ['chord | group', chordOf([a], b), groupOf(c, d), '[{a}->b (c d)]'],
]

describe('pipe', () => {
  it.each(RULES)('%s', (_, left, right, result) => {
    const before = [shapeOf(left), shapeOf(right)]
    expect(shapeOf(pipe(left, right))).toBe(result)
    expect([shapeOf(left), shapeOf(right)]).toEqual(before)
  })

  it('is a verb of every signature', () => {
    expect(shapeOf(a.pipe(b).pipe(c))).toBe('[a b c]')
  })

  it('puts the links of a chain where they belong when it is taken apart', () => {
    const left = chainOf(a, b)
    left.link(s('done'))
    left.linkError(s('failed'))
    const [first, second, third] = (pipe(left, c).toJSON().kwargs['tasks'] as never[]).map((task) => shapeOfLinks(task))
    expect([first, second, third]).toEqual([
      { link: [], error: ['failed'] },
      { link: ['done'], error: ['failed'] },
      { link: [], error: [] },
    ])
  })
})

function shapeOfLinks({ options }: { options: Record<string, { task: string }[] | undefined> }): unknown {
  return {
    link: (options['link'] ?? []).map(({ task }) => task),
    error: (options['link_error'] ?? []).map(({ task }) => task),
  }
}

describe('chain', () => {
  it('is to pipe its steps', () => {
    expect(shapeOf(chain(a, groupOf(b, c), d) as AnySignature)).toBe('[a {b c}->d]')
    expect(shapeOf(chain([a, b, c]) as AnySignature)).toBe('[a b c]')
    expect(shapeOf(chain(groupOf(a, b)) as AnySignature)).toBe('[(a b)]')
  })

  it('copies its steps', () => {
    const step = s('a')
    const made = chain([step, b]) as AnySignature
    step.set({ queue: 'late' })
    expect(JSON.stringify(made)).not.toContain('late')
  })

  it('of many steps costs no more than its length', () => {
    const steps = Array.from({ length: 5000 }, () => s('a'))
    expect(chain(steps).members).toHaveLength(5000)
  })
})
