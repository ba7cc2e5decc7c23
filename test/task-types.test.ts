import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { Celery } from '../src/index.ts'
import type { AsyncResult, Signature, TaskContext } from '../src/index.ts'

const app = new Celery('proj', { broker: 'memory://' })
const add = app.task('proj.add', (x: number, y: number) => x + y)
const fetchText = app.task('proj.fetch', { bind: true }, async (self, url: string, tries?: number) => {
  expectTypeOf(self).toEqualTypeOf<TaskContext<Celery>>()
  return Promise.resolve(url.repeat(tries ?? 1))
})
const checked = app.task('proj.checked', { schema: [z.coerce.date(), z.number().default(1)] }, (when, times) => {
  expectTypeOf(when).toEqualTypeOf<Date>()
  expectTypeOf(times).toEqualTypeOf<number>()
  return when
})

describe('types', () => {
  it('flow from the function to the call, and from its result to the caller', () => {
    expectTypeOf(add).parameters.toEqualTypeOf<[x: number, y: number]>()
    expectTypeOf(add(1, 2)).toEqualTypeOf<number>()
    expectTypeOf(add.delay).parameters.toEqualTypeOf<[x: number, y: number]>()
    expectTypeOf(add.delay).returns.resolves.toEqualTypeOf<AsyncResult<number>>()
    expectTypeOf<AsyncResult<number>['get']>().returns.resolves.toEqualTypeOf<number>()
    expectTypeOf(fetchText.delay).parameters.toEqualTypeOf<[url: string, tries?: number]>()
    expectTypeOf(fetchText.delay).returns.resolves.toEqualTypeOf<AsyncResult<string>>()
    expectTypeOf(checked.delay).returns.resolves.toEqualTypeOf<AsyncResult<Date>>()
  })

  it('refuse wrong calls', () => {
    // Only the compiler looks at these.
    const never = (): unknown[] => [
      // @ts-expect-error a text is no number
      add.delay('a', 2),
      // @ts-expect-error an argument is missing
      add.delay(1),
      // @ts-expect-error an argument too many
      add.delay(1, 2, 3),
      // @ts-expect-error a text is no number
      add.applyAsync(['a', 2]),
      // @ts-expect-error arguments that are left out must be named
      add.applyAsync([1], { countdown: 1 }),
      add.applyAsync([1], { kwargs: { y: 2 } }),
      // @ts-expect-error there is no such option
      add.applyAsync([1, 2], { countDown: 1 }),
      // @ts-expect-error the last argument is a number
      add.s('a'),
      // @ts-expect-error the signature still lacks an argument
      add.s(1).delay(),
    ]
    expect(never).toBeTypeOf('function')
  })

  it('know what a signature lacks', () => {
    expectTypeOf(add.s(1, 2)).toEqualTypeOf<Signature<[], number, never>>()
    expectTypeOf(add.s(2)).toEqualTypeOf<Signature<[number], number>>()
    expectTypeOf(add.s()).toEqualTypeOf<Signature<[number, number], number, never>>()
    expectTypeOf(add.si(1, 2)).toEqualTypeOf<Signature<[], number, unknown>>()
    expectTypeOf(fetchText.s('a')).toEqualTypeOf<Signature<[], string, never>>()
    expectTypeOf(fetchText.s('a', 2)).toEqualTypeOf<Signature<[], string>>()
  })
})
