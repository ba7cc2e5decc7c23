import { describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError, EncodeError, OperationalError } from '../../../src/errors.ts'
import { isChannelError, isOperational } from '../../../src/messaging/failure.ts'

describe('isOperational and isChannelError', () => {
  it.each([
    [new OperationalError('x'), true, false],
    [new ConnectionError('x'), true, false],
    [new ChannelError('x'), true, true],
    [new EncodeError('x'), false, false],
    [new Error('x'), false, false],
    [undefined, false, false],
  ])('%s', (error, operational, channel) => {
    expect([isOperational(error), isChannelError(error)]).toEqual([operational, channel])
  })

  it('know errors of another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('celeriac.error')]: true, code: 'CHANNEL_ERROR' })
    expect([isOperational(foreign), isChannelError(foreign)]).toEqual([true, true])
  })
})
