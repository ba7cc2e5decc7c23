import { describe, expect, it } from 'vitest'
import {
  explainChannelFailure,
  explainConnectFailure,
  explainConnectionFailure,
} from '../../../../src/driver/amqp/failure.ts'
import { ChannelError, ConnectionError } from '../../../../src/errors.ts'

function refused(code: number, name: string, text: string): Error {
  const message = `Operation failed: QueueDeclare; ${String(code)} (${name.replaceAll('_', '-')}) with message "${name} - ${text}"`
  return Object.assign(new Error(message), { code })
}

describe('explainChannelFailure', () => {
  it('names what differs where something exists with other properties', () => {
    const said =
      "inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received the value '5' of type 'byte' but current is none"
    const error = explainChannelFailure(refused(406, 'PRECONDITION_FAILED', said))
    expect(error).toBeInstanceOf(ChannelError)
    expect(error.message).toBe(
      'The queue "q" exists with another "x-max-priority": declared with the value \'5\' of type \'byte\', there it is none. ' +
        'Declare it as it is, or delete it first (what waits in it is lost then)',
    )
  })

  it('explains consumer_timeout', () => {
    const said =
      'delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms. This timeout value can be configured'
    const { message } = explainChannelFailure(refused(406, 'PRECONDITION_FAILED', said))
    expect(message).toContain('was not acknowledged for 1800 s, its consumer_timeout')
    expect(message).toContain('acksLate: false')
  })

  it.each([
    [404, 'NOT_FOUND', "no exchange 'x' in vhost '/'", "RabbitMQ: no exchange 'x' in vhost '/'; declare it first"],
    [403, 'ACCESS_REFUSED', 'access refused', 'rabbitmqctl list_permissions'],
    [405, 'RESOURCE_LOCKED', 'cannot obtain exclusive access', 'belongs to the connection that declared it'],
    [406, 'PRECONDITION_FAILED', 'unknown delivery tag 7', 'RabbitMQ: unknown delivery tag 7'],
    [541, 'INTERNAL_ERROR', 'oops', 'RabbitMQ closed the channel: oops (541)'],
  ])('tells of %d', (code, name, text, part) => {
    expect(explainChannelFailure(refused(code, name, text)).message).toContain(part)
  })

  it('leaves the words of other errors, and keeps them as the cause', () => {
    const cause = new Error('odd')
    expect(explainChannelFailure(cause)).toMatchObject({ message: 'odd', cause })
  })
})

describe('explainConnectionFailure', () => {
  it('tells of a broker that stops, of a socket that breaks, and of one that was just closed', () => {
    const stopped = new Error(
      'Connection closed: 320 (CONNECTION-FORCED) with message "CONNECTION_FORCED - broker forced connection closure with reason \'shutdown\'"',
    )
    expect(explainConnectionFailure(stopped).message).toBe(
      "RabbitMQ closed the connection: broker forced connection closure with reason 'shutdown'",
    )
    expect(explainConnectionFailure(new Error('read ECONNRESET')).message).toBe('read ECONNRESET')
    expect(explainConnectionFailure(undefined)).toBeInstanceOf(ConnectionError)
  })
})

describe('explainConnectFailure', () => {
  it('tells what to do about logins and virtual hosts', () => {
    const login = new Error(
      'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused"',
    )
    expect(explainConnectFailure(login, 'me', '/').message).toContain('refused the login of "me"')
    // As the library has it, which does not pass on the reason.
    const host = new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>')
    expect(explainConnectFailure(host, 'me', 'x').message).toContain('refused the virtual host "x": it is not there')
  })

  it('names an error without words by its code', () => {
    const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    expect(explainConnectFailure(error, 'me', '/')).toMatchObject({ message: 'ECONNREFUSED', cause: error })
  })
})
