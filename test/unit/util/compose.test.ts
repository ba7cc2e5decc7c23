import { describe, expect, it } from 'vitest'
import { compose } from '../../../src/util/compose.ts'
import type { Middleware } from '../../../src/util/compose.ts'

const named =
  (name: string): Middleware<string[], string> =>
  async (trail, next) => {
    trail.push(`${name} in`)
    const answer = await next()
    trail.push(`${name} out`)
    return `${name}(${answer})`
  }

describe('compose', () => {
  it('runs the first layer outermost', async () => {
    const trail: string[] = []
    const run = compose([named('a'), named('b')], async () => Promise.resolve('core'))
    expect(await run(trail)).toBe('a(b(core))')
    expect(trail).toEqual(['a in', 'b in', 'b out', 'a out'])
  })

  it('lets a layer answer without the core', async () => {
    const run = compose<null, string>([async () => Promise.resolve('refused')], () => {
      throw new Error('the core must not run')
    })
    expect(await run(null)).toBe('refused')
  })

  it('is the core where there are no layers', async () => {
    expect(await compose<number, number>([], async (n) => Promise.resolve(n + 1))(1)).toBe(2)
  })
})
