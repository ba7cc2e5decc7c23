import { describe, expect, it } from 'vitest'
import * as errors from '../../src/errors.ts'

describe('errors', () => {
  it('have a name, and a code that no other class has', () => {
    const made = [
      new errors.CeleryError('x'),
      new errors.ImproperlyConfigured('x'),
      new errors.MissingDriver('ioredis', 'redis://'),
      new errors.OperationalError('x'),
      new errors.DecodeError('x'),
      new errors.NotRegistered('t'),
      new errors.TimeLimitExceeded(3),
      new errors.SoftTimeLimitExceeded(3),
      new errors.WorkerLostError('SIGKILL'),
      new errors.Retry('later', {}),
      new errors.Ignore(),
      new errors.Reject('no'),
    ]
    expect(made.map((error) => error.name)).toEqual(made.map((error) => error.constructor.name))
    expect(new Set(made.map((error) => error.code)).size).toBe(made.length)
    for (const error of made) expect(errors.CeleryError.isCeleryError(error)).toBe(true)
  })

  it('are known from other copies of the package too, and others are not', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('celeriac.error')]: true })
    expect(errors.CeleryError.isCeleryError(foreign)).toBe(true)
    expect(errors.CeleryError.isCeleryError(new Error('x'))).toBe(false)
  })

  it('carry their facts and their cause', () => {
    const cause = new Error('below')
    expect(new errors.OperationalError('x', { cause }).cause).toBe(cause)
    expect(new errors.TaskError('x').cause).toBeUndefined()
    expect(new errors.MissingDriver('ioredis', 'The URL redis://').message).toBe(
      'The URL redis:// needs the package "ioredis". Install it with: npm install ioredis',
    )
    expect(new errors.WorkerLostError(9).message).toBe('Worker exited prematurely: exitcode 9.')
    expect(new errors.Reject(new Error('why'), { requeue: true })).toMatchObject({ message: 'why', requeue: true })
  })
})
