import { describe, expect, it } from 'vitest'
import { splitWords } from '../../../src/cli/words.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'

describe('splitWords', () => {
  it.each([
    ['', []],
    ['  ', []],
    ['a', ['a']],
    ['  a  b\tc ', ['a', 'b', 'c']],
    [`'a b' "c d"`, ['a b', 'c d']],
    [`"" ''`, ['', '']],
    [`a"b c"'d e'f`, ['ab cd ef']],
    [`'{"a": "b\\n"}'`, ['{"a": "b\\n"}']],
    [`"a \\" b \\\\ \\n"`, ['a " b \\ \\n']],
    ['a\\ b', ['a b']],
    ['ä 語', ['ä', '語']],
  ])('%j', (line, words) => {
    expect(splitWords(line)).toEqual(words)
  })

  it.each(['"abc', "a 'b", 'a"b c', 'a b\\', '"a\\"'])('refuses %j', (line) => {
    expect(() => splitWords(line)).toThrow(ImproperlyConfigured)
  })
})
