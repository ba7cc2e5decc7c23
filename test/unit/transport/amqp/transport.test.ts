import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConnectionError, ImproperlyConfigured } from '../../../../src/errors.ts'
import { amqpTransport } from '../../../../src/transport/amqp/transport.ts'
import type { BrokerSettings, TransportOptions } from '../../../../src/transport/transport.ts'
import { transportContext } from '../../../support/context.ts'
import { findFreePort } from '../../../support/ports.ts'

const AMQP_GREETING = 'AMQP\0\0\x09\x01'
/** The first byte of a TLS handshake. */
const TLS_GREETING = '\x16'

/** Connect to somebody who hangs up on the first words; answers how we greeted, and how it ended. */
async function greet(
  scheme: string,
  options: TransportOptions = {},
  settings: BrokerSettings = {},
): Promise<{ greeting: string; error: unknown }> {
  let greeting = ''
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (data) => {
      greeting = data.toString('latin1')
      socket.end()
    })
  })
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `${scheme}://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  const context = transportContext({ settings })
  const error = await amqpTransport.connect(url, options, context).catch((reason: unknown) => reason)
  return { greeting, error }
}

describe('the AMQP transport', () => {
  it('speaks AMQP 0-9-1', async () => {
    expect((await greet('amqp')).greeting).toBe(AMQP_GREETING)
  })

  it.each([
    ['the scheme', 'amqps', {}, {}],
    ['an option', 'amqp', { ssl: true }, {}],
    ['the settings', 'amqp', {}, { useSsl: true }],
  ])('speaks TLS where %s wants it', async (_who, scheme, options, settings) => {
    expect((await greet(scheme, options, settings)).greeting).toMatch(new RegExp(`^${TLS_GREETING}`))
  })

  it('rejects with ConnectionError where nobody listens, or hangs up', async () => {
    const url = `amqp://127.0.0.1:${String(await findFreePort())}`
    await expect(amqpTransport.connect(url, {}, transportContext())).rejects.toThrow(ConnectionError)
    expect((await greet('amqp')).error).toBeInstanceOf(ConnectionError)
  })

  it('says which option is wrong before it connects', async () => {
    const { greeting, error } = await greet('amqp', { heartbeet: 5 })
    expect(error).toBeInstanceOf(ImproperlyConfigured)
    expect(greeting).toBe('')
  })
})
