import { expect, it } from 'vitest'
import { describeAnswer, isError } from '../../../src/cli/replies.ts'

it('tells answers to people', () => {
  const answers = ['text\n', [], ['a', { b: 1 }], { ok: 'done' }, { ok: { a: 1 } }, { error: 'no' }, { a: 1 }, null]
  expect(answers.map(describeAnswer)).toEqual([
    'text',
    '- empty -',
    '* a\n* {"b":1}',
    'done',
    '{\n  "a": 1\n}',
    'no',
    '{\n  "a": 1\n}',
    'null',
  ])
})

it('knows errors', () => {
  expect([{ error: 'no' }, { ok: 1 }, { error: 1, other: 2 }, 'error'].map(isError)).toEqual([
    true,
    false,
    false,
    false,
  ])
})
