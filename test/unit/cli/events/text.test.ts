import { describe, expect, it } from 'vitest'
import { abbreviate, abbreviateName, cell, printable, wrap } from '../../../../src/cli/events/text.ts'

it('leaves no character that commands a terminal', () => {
  expect(printable('a\n\t\u001b[2Jb\u009b\u202ec — ü 日')).toBe('a\\n\\t\\x1b[2Jb\\x9b\\u202ec — ü 日')
})

describe('abbreviations', () => {
  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'ab...'],
    ['abcdef', 2, 'ab'],
    ['abcdef', -1, ''],
    ['😀😀😀😀😀', 4, '😀...'],
  ])('of %j in %i is %j', (text, width, short) => {
    expect(abbreviate(text, width)).toBe(short)
  })

  it.each([
    ['proj.tasks.add', 14, 'proj.tasks.add'],
    ['proj.tasks.add', 12, '[.]tasks.add'],
    ['proj.tasks.add', 6, '[.]add'],
    ['proj.tasks.add', 5, 'pr...'],
    ['add', 2, 'ad'],
  ])('of the name %j in %i is %j', (name, width, short) => {
    expect(abbreviateName(name, width)).toBe(short)
  })
})

it('fills a cell', () => {
  expect([cell('ab', 4), cell('abcdef', 5), cell('a\nb', 5), cell('x', 0)]).toEqual(['ab  ', 'ab...', 'a\\nb ', ''])
})

it('breaks lines between words where it can', () => {
  expect(wrap('one two three\nabcdefghij\n\nx', 7)).toEqual(['one two', 'three', 'abcdefg', 'hij', '', 'x'])
  expect(wrap('ab', 0)).toEqual(['a', 'b'])
})
