import { describe, expect, it } from 'vitest'
import { explainFailure, isBusy, sqliteCode, stayedLocked } from '../../../../src/driver/sqlite/failure.ts'
import { ImproperlyConfigured, OperationalError } from '../../../../src/errors.ts'

function failure(errcode: number): Error {
  return Object.assign(new Error('told by SQLite'), { errcode })
}

describe('failures of SQLite', () => {
  it('are known by their codes', () => {
    expect(sqliteCode(failure(261))).toBe(261)
    expect(sqliteCode(new Error('other'))).toBeUndefined()
    expect(sqliteCode({ errcode: 5 })).toBeUndefined()
    expect([5, 261, 517, 6, 15].map((code) => isBusy(failure(code)))).toEqual([true, true, true, true, true])
    expect([1, 8, 11, 13].some((code) => isBusy(failure(code)))).toBe(false)
  })

  it.each([
    [5, 'is locked by another process'],
    [8, 'cannot be written: give this user the right'],
    [10, 'check the disk'],
    [266, 'check the disk'],
    [11, 'is damaged (told by SQLite): stop all processes'],
    [13, 'There is no room left on the disk'],
    [14, 'cannot be opened: SQLite needs the right'],
    [18, 'A value is too big'],
    [26, 'is not an SQLite database'],
    [1032, 'was deleted or replaced'],
    [19, 'told by SQLite (SQLite code 19)'],
  ])('with code %i say what happened to which file', (code, text) => {
    const cause = failure(code)
    const error = explainFailure(cause, '/x/jobs.db', 'use') as OperationalError
    expect(error).toBeInstanceOf(OperationalError)
    expect(error.message).toContain(text)
    expect(error.message).toContain('/x/jobs.db')
    expect(error.cause).toBe(cause)
  })

  it('cannot be helped by trying again when they come on opening', () => {
    const classes = [26, 14, 8, 5, 10].map((code) => explainFailure(failure(code), 'f', 'open')?.constructor)
    expect(classes).toEqual([
      ImproperlyConfigured,
      ImproperlyConfigured,
      ImproperlyConfigured,
      OperationalError,
      OperationalError,
    ])
  })

  it('of others are passed on', () => {
    const other = new RangeError('mine')
    expect(explainFailure(other, 'f', 'use')).toBe(other)
  })

  it('to get a lock name the time and the way out', () => {
    expect(stayedLocked('f', 30_000, undefined).message).toMatch(/"f" was locked .* for 30 seconds.*busyTimeout/)
  })
})
