import { describe, expect, it } from 'vitest'
import * as args from '../../../../src/worker/commands/arguments.ts'

describe('arguments', () => {
  it('are texts', () => {
    expect(args.text({ a: 'x' }, 'a')).toBe('x')
    expect(() => args.text({ a: 5 }, 'a')).toThrow('"a" is 5, not a text')
    expect(() => args.text({}, 'a')).toThrow('not a text')
    expect([args.optionalText({ a: null }, 'a'), args.optionalText({ a: 'x' }, 'a')]).toEqual([undefined, 'x'])
    expect([args.texts({ a: 'x' }, 'a'), args.texts({ a: ['x', 'y'] }, 'a')]).toEqual([['x'], ['x', 'y']])
    expect(() => args.texts({}, 'a')).toThrow('a list of them')
  })

  it('are flags', () => {
    expect([true, 'true', 'Yes', '1', 1].map((a) => args.flag({ a }, 'a'))).toEqual([true, true, true, true, true])
    expect([false, 'false', 'no', 0, null].map((a) => args.flag({ a }, 'a'))).toEqual(Array(5).fill(false))
    expect(args.toFlag('on')).toBe(true)
  })

  it('are numbers', () => {
    expect([args.optionalNumber({ a: 1.5 }, 'a'), args.optionalNumber({ a: '2' }, 'a')]).toEqual([1.5, 2])
    expect(args.optionalNumber({}, 'a')).toBeUndefined()
    expect(() => args.optionalNumber({ a: -1 }, 'a')).toThrow('a number from 0 on')
    expect(() => args.optionalInteger({ a: 1.5 }, 'a')).toThrow('a whole number')
    expect(args.toNumber('1e3')).toBe(1000)
    expect(() => args.toNumber('ten')).toThrow("'ten' is no number")
  })

  it('are signals by any of their names', () => {
    const given = ['TERM', 'SIGKILL', 'kill', 9, '15', undefined, null]
    const read = given.map((a) => args.signal({ a }, 'a'))
    expect(read).toEqual(['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGTERM', 'SIGTERM'])
    expect(() => args.signal({ a: 'SIGKIL' }, 'a')).toThrow('There is no signal \'SIGKIL\'; did you mean "SIGKILL"?')
  })

  it('are headers', () => {
    expect(args.headers({ a: { x: 1, y: ['b', 'c'] } }, 'a')).toEqual(new Map([['x', [1]], ['y', ['b', 'c']]])) // prettier-ignore
    expect(args.headers({ a: ['x=1', 'x=2=3'] }, 'a')).toEqual(new Map([['x', ['1', '2=3']]]))
    expect(() => args.headers({ a: ['x'] }, 'a')).toThrow('["key=value"]')
    expect(() => args.headers({}, 'a')).toThrow('["key=value"]')
  })
})
