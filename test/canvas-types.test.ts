import { describe, expect, expectTypeOf, it } from 'vitest'
import { Celery, chain, chord, chunks, group, starmap, xmap } from '../src/index.ts'
import type { AnySignature, AsyncResult, GroupResult } from '../src/index.ts'

const app = new Celery('proj', { broker: 'memory://' })
const add = app.task('proj.add', (x: number, y: number) => x + y)
const greet = app.task('proj.greet', (name: string, times?: number) => name.repeat(times ?? 1))
const measure = app.task('proj.measure', (text: string) => text.length)
const sum = app.task('proj.sum', (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0))
const join = app.task('proj.join', (pair: [number, string]) => pair.join(' '))
const log = app.task('proj.log', (...lines: string[]) => lines.length)
const now = app.task('proj.now', () => 0)
const unknown = app.signature('elsewhere.task')

type SentAs<S extends Pick<AnySignature, 'delay'>> = Awaited<ReturnType<S['delay']>>

describe('a chain', () => {
  it('lacks what its first step lacks, and answers what its last one answers', () => {
    const complete = chain(add.s(1, 2), add.s(3), greet.si('a'), measure.s())
    expectTypeOf(complete.delay).parameters.toEqualTypeOf<[]>()
    expectTypeOf(complete.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
    const partial = chain(add.s(2), add.s(3))
    expectTypeOf(partial.delay).parameters.toEqualTypeOf<[number]>()
    const piped = add.s(1, 2).pipe(add.s(3)).pipe(add.s(4))
    expectTypeOf(piped.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
  })

  it('that ends in a group answers a list, and so does a group that goes on', () => {
    const spread = chain(add.s(1, 2), group(add.s(1), add.s(2)))
    expectTypeOf(spread.delay).returns.resolves.toEqualTypeOf<GroupResult<[number, number]>>()
    const collected = chain(add.s(1, 2), group(add.s(1), add.s(2)), sum.s())
    expectTypeOf(collected.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
  })

  it('refuses steps that do not fit', () => {
    const never = (): unknown[] => [
      // @ts-expect-error a text is no number
      chain(greet.s('a'), add.s(1)),
      // @ts-expect-error the third does not fit the second
      chain(add.s(1, 2), add.s(3), measure.s()),
      // @ts-expect-error it lacks nothing, and is not immutable: there is no room for the value
      chain(add.s(1, 2), add.s(3, 4)),
      // @ts-expect-error it lacks two, and gets one
      chain(add.s(1, 2), add.s()),
      // @ts-expect-error the value comes first, and "a" is no number of times
      chain(greet.s('b'), greet.s('a')),
      // @ts-expect-error the same with pipe
      greet.s('a').pipe(add.s(1)),
      // @ts-expect-error it takes nothing at all
      chain(add.s(1, 2), now.s()),
      // @ts-expect-error one of the group takes no number
      chain(add.s(1, 2), group(add.s(1), measure.s())),
      // @ts-expect-error it lacks its first argument
      chain(add.s(2), add.s(3)).delay(),
      // @ts-expect-error that is no number
      chain(add.s(2), add.s(3)).delay('a'),
    ]
    expect(never).toBeTypeOf('function')
  })

  it('lets pass what fits', () => {
    const never = (): unknown[] => [
      chain(add.s(1, 2), add.si(3, 4)),
      chain(add.s(1, 2), now.si()),
      chain(greet.s('a'), greet.s(), greet.s(), measure.s()),
      chain(greet.s('a'), log.s('b')),
      chain(unknown, add.s(1), unknown),
      chain([add.s(1, 2), add.s(3)]),
      chain(add.s(1, 2), greet.map(['a', 'b'])),
    ]
    expect(never).toBeTypeOf('function')
  })
})

describe('a group', () => {
  it('answers what each of its tasks answers, in order', async () => {
    const tuple = group(add.s(1, 2), greet.s('a'))
    expectTypeOf(tuple.delay).returns.resolves.toEqualTypeOf<GroupResult<[number, string]>>()
    const list = group([1, 2, 3].map((x) => add.s(x, x)))
    expectTypeOf(list.delay).returns.resolves.toEqualTypeOf<GroupResult<number[]>>()
    const values = async () => (await tuple.delay()).get()
    expectTypeOf(values).returns.resolves.toEqualTypeOf<[number, string]>()
  })

  it('lacks what all of its tasks lack', () => {
    expectTypeOf(group(add.s(1), add.s(2)).delay).parameters.toEqualTypeOf<[number]>()
    expectTypeOf(group(add.s(1), now.si()).delay).parameters.toEqualTypeOf<[number]>()
    expectTypeOf(group(add.s(1, 1), now.s()).delay).parameters.toEqualTypeOf<[]>()
    const never = (): unknown[] => [
      // @ts-expect-error all of them lack one
      group(add.s(1), add.s(2)).delay(),
      // @ts-expect-error one lacks a number, the other a text: nothing is right for both
      group(add.s(1), greet.s()).delay(1),
    ]
    expect(never).toBeTypeOf('function')
  })
})

describe('a chord', () => {
  it('answers what its body answers', () => {
    const made = chord([add.s(1, 2), add.s(3, 4)], sum.s())
    expectTypeOf(made.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
    const ofList = chord(
      [1, 2].map((x) => add.s(x, x)),
      sum.s(),
    )
    expectTypeOf(ofList.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
    const ofGroup = chord(group(add.s(1, 2), greet.s('a')), join.s())
    expectTypeOf(ofGroup.delay).returns.resolves.toEqualTypeOf<AsyncResult<string>>()
    const ofGenerator = chord(new Set([add.s(1, 2)]), sum.s())
    expectTypeOf(ofGenerator.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
    const piped = group(add.s(1), add.s(2)).pipe(sum.s())
    expectTypeOf(piped.delay).parameters.toEqualTypeOf<[number]>()
  })

  it('with groups in its header has their answers among those of the others', () => {
    const made = chord([group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)], sum.s())
    expectTypeOf(made.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
  })

  it('refuses a body that does not fit', () => {
    const never = (): unknown[] => [
      // @ts-expect-error the body takes numbers
      chord([add.s(1, 2), greet.s('a')], sum.s()),
      // @ts-expect-error the body takes no list
      chord([add.s(1, 2)], add.s(1)),
      // @ts-expect-error the header lacks an argument
      chord([add.s(1), add.s(2)], sum.s()).delay(),
    ]
    expect(never).toBeTypeOf('function')
  })
})

describe('map, starmap and chunks', () => {
  it('answer lists', () => {
    expectTypeOf<SentAs<ReturnType<typeof measure.map>>>().toEqualTypeOf<AsyncResult<number[]>>()
    expectTypeOf<SentAs<ReturnType<typeof add.starmap>>>().toEqualTypeOf<AsyncResult<number[]>>()
    expectTypeOf<SentAs<ReturnType<typeof add.chunks>>>().toEqualTypeOf<GroupResult<number[][]>>()
    const mapped = xmap(measure.s(), ['a'])
    expectTypeOf(mapped.delay).returns.resolves.toEqualTypeOf<AsyncResult<number[]>>()
    const starmapped = starmap(add.s(), [[1, 2]])
    expectTypeOf(starmapped.delay).returns.resolves.toEqualTypeOf<AsyncResult<number[]>>()
    const parts = chunks(add.s(), [[1, 2]], 10)
    expectTypeOf(parts.delay).returns.resolves.toEqualTypeOf<GroupResult<number[][]>>()
  })

  it('refuse items that the task does not take', () => {
    const never = (): unknown[] => [
      // @ts-expect-error a number is no text
      measure.map([1]),
      // @ts-expect-error one argument is missing
      add.starmap([[1]]),
      // @ts-expect-error a text is no number
      add.chunks([[1, 'a']], 2),
    ]
    expect(never).toBeTypeOf('function')
  })
})
