import { describe, expect, it } from 'vitest'
import type { TaskCall } from '../../../src/protocol/task.ts'
import { requestInfo } from '../../../src/worker/request-info.ts'
import { requests } from '../../support/requests.ts'

function argumentsOf(call: Partial<TaskCall>, safe: boolean = false): unknown {
  const { request, parts } = requests()
  const { args, kwargs } = requestInfo(request({}, call).request, parts, safe)
  return [args, kwargs]
}

describe('the arguments', () => {
  it('are shown', () => {
    expect(argumentsOf({ args: [1, { a: 'x' }], kwargs: { b: [true, null] } })).toEqual([[1, { a: 'x' }], { b: [true, null] }]) // prettier-ignore
    expect(argumentsOf({ args: [1], kwargs: { b: 2 } }, true)).toEqual(['(1,)', "{'b': 2}"])
    // A list of arguments, as Python's apply_async writes it.
    expect(argumentsOf({ args: [1, 2], argsrepr: '[1, 2]' })).toEqual([[1, 2], {}])
  })

  it('stay hidden where their sender hides them', () => {
    const call = { args: ['4111 1111'], kwargs: { pin: 1234 } }
    expect(argumentsOf({ ...call, argsrepr: '<card>' })).toEqual(['<card>', { pin: 1234 }])
    expect(argumentsOf({ ...call, kwargsrepr: '<pin>' })).toEqual([['4111 1111'], '<pin>'])
  })

  it('are their short texts where the body cannot be read', () => {
    const { request, parts } = requests()
    const decode = (): never => {
      throw new Error('no')
    }
    const { args } = requestInfo(request({}, { args: [5] }).request, { ...parts, decode })
    expect(args).toBe('(5,)')
  })
})
