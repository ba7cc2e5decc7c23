import { expect, it } from 'vitest'
import { readArguments } from '../../../../src/cli/multi/arguments.ts'
import { ImproperlyConfigured } from '../../../../src/errors.ts'

const VALUES = new Set(['-c', '-Q', '-l', '--pidfile'])
const FLAGS = new Set(['-E', '--purge'])
const takesValue = (flag: string) => (VALUES.has(flag) ? true : FLAGS.has(flag) ? false : undefined)
const read = (text: string) => readArguments(text.split(' '), takesValue)
const option = (flag: string, value?: string, nodes?: string) => ({ flag, value, nodes })

it('tells names from options, by what each flag takes', () => {
  expect(read('w1 -E w2 -c 3 --pidfile /p w3 --pidfile=/q --purge w4')).toEqual({
    names: ['w1', 'w2', 'w3', 'w4'],
    options: [option('-E'), option('-c', '3'), option('--pidfile', '/p'), option('--pidfile', '/q'), option('--purge')],
    passed: [],
  })
})

it('reads options for some nodes', () => {
  expect(read('-c:1-3 10 -Q:w1,2 a,b --pidfile:w1=/p -c4').options).toEqual([
    option('-c', '10', '1-3'),
    option('-Q', 'a,b', 'w1,2'),
    option('--pidfile', '/p', 'w1'),
    option('-c', '4'),
  ])
})

it("has Celery's rule for flags that it does not know", () => {
  expect(read('-x 1 -y -z --long w1 --other=2')).toEqual({
    names: ['w1'],
    options: [option('-x', '1'), option('-y'), option('-z'), option('--long'), option('--other', '2')],
    passed: [],
  })
})

it('leaves alone what stands behind --', () => {
  expect(read('w1 -- -c 3 w2')).toEqual({ names: ['w1'], options: [], passed: ['-c', '3', 'w2'] })
})

it('misses a value', () => {
  expect(() => read('w1 -c')).toThrow(ImproperlyConfigured)
})
