import { expect, it } from 'vitest'
import { asError } from '../../../src/util/as-error.ts'

it('answers errors as they are, and says what else was thrown', () => {
  const error = new RangeError('x')
  expect(asError(error)).toBe(error)
  expect(asError('bad moon')).toMatchObject({ message: 'bad moon', cause: 'bad moon' })
  expect(asError(undefined).message).toBe('None')
  expect(asError(Object.create(null)).message).toBe('{}')
  expect(asError({ code: 5 }).message).toBe("{'code': 5}")
})
