import { describe, expect, it } from 'vitest'
import { hideArguments } from '../../../src/task/hidden.ts'
import type { ShownArguments } from '../../../src/task/hidden.ts'
import { TaskDefinition } from '../../../src/task/task.ts'
import type { TaskFunction } from '../../../src/task/task.ts'
import { traced } from '../../support/traced.ts'

const pay = (card: string, amount: number, pin: string): string => `${card} ${String(amount)} ${pin}`

function shown(
  hideArgs: boolean | readonly string[] | undefined,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>> = {},
  fn: TaskFunction = pay,
): ShownArguments | undefined {
  const options = hideArgs === undefined ? {} : { hideArgs }
  return hideArguments(new TaskDefinition('t', fn, options, traced().host), args, kwargs)
}

describe('hideArgs', () => {
  it('hides all arguments, or those of these names, wherever they stand', () => {
    const [args, kwargs] = [['4111', 5], { pin: '1234', note: 'x' }]
    expect(shown(true, args, kwargs)).toEqual({
      argsrepr: "('***', '***')",
      kwargsrepr: "{'pin': '***', 'note': '***'}",
    })
    expect(shown(['card', 'pin'], args, kwargs)).toEqual({
      argsrepr: "('***', 5)",
      kwargsrepr: "{'pin': '***', 'note': 'x'}",
    })
    expect(shown(['pin'], ['4111', 5, '1234'])).toEqual({ argsrepr: "('4111', 5, '***')", kwargsrepr: '{}' })
  })

  it('hides nothing by itself', () => {
    expect(shown(undefined, ['4111'])).toBeUndefined()
    expect(shown(false, ['4111'])).toBeUndefined()
  })

  it('shows what has no name', () => {
    expect(shown(['card'], [1, 2], {}, (taken: { card: string }) => taken.card)?.argsrepr).toBe('(1, 2)')
  })
})
