import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globMatcher, isGlob } from '../../../src/util/glob.ts'

describe('globMatcher', () => {
  it.each([
    ['proj.video.*', 'proj.video.encode', true],
    ['proj.video.*', 'proj.video.', true],
    ['proj.video.*', 'proj.video', false],
    ['proj.video.*', 'x.proj.video.encode', false],
    ['*.encode', 'proj.encode', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a?c', 'a😀c', true],
    ['a.c', 'abc', false],
    ['a*b*c', 'a-c-b-c', true],
    ['a*b*c', 'a-c-b-', false],
    ['[abc]x', 'bx', true],
    ['[abc]x', 'dx', false],
    ['[!abc]x', 'dx', true],
    ['[!abc]x', 'ax', false],
    ['[a-c]', 'b', true],
    ['[a-c]', '-', false],
    ['[a-]', '-', true],
    ['[]]', ']', true],
    ['[!]]', ']', false],
    ['[a', '[a', true],
    ['[!]', '[!]', true],
    ['\\*', '\\anything', true],
  ])('%j fits %j: %s', (pattern, text, expected) => {
    expect(globMatcher(pattern)(text)).toBe(expected)
  })

  it('agrees with a regular expression', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]')
    const inRegExp: Record<string, string> = { '*': '.*', '?': '.', '[!a]': '[^a]' }
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.constantFrom('a', 'b', 'c')), (pieces, letters) => {
        const source = pieces.map((each) => inRegExp[each] ?? each).join('')
        const text = letters.join('')
        expect(globMatcher(pieces.join(''))(text)).toBe(new RegExp(`^${source}$`).test(text))
      }),
    )
  })

  it('is quick with patterns that are made to be slow', () => {
    const matches = globMatcher(`${'*a'.repeat(40)}b`)
    expect(matches('a'.repeat(2000))).toBe(false)
  })
})

describe('isGlob', () => {
  it('knows patterns by their wildcards', () => {
    expect(['proj.*', 'a?', 'proj.add', 'a[b]'].map(isGlob)).toEqual([true, true, false, false])
  })
})
