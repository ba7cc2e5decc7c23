import { describe, expect, it, onTestFinished } from 'vitest'
import { ReplyReader } from '../../../../src/backend/rpc/reader.ts'
import { ConnectionError } from '../../../../src/errors.ts'
import { BrokerConnection } from '../../../../src/messaging/connection.ts'
import { createQueue } from '../../../../src/messaging/queue.ts'
import { TransportRegistry } from '../../../../src/transport/registry.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { transportContext } from '../../../support/context.ts'
import { CutTransport } from '../../../support/cut-transport.ts'
import { plainMessage } from '../../../support/fake-store.ts'
import { waitFor } from '../../../support/wait-for.ts'

interface Fixture {
  readonly reader: ReplyReader
  readonly transport: CutTransport
  /** Bodies in the order in which they came. */
  readonly came: string[]
  readonly failures: Error[]
  awaited: boolean
  send(...bodies: string[]): Promise<void>
  /** How many messages wait in the queue; it is made where it is not there. */
  waiting(): Promise<number>
}

function fixture(options: { maxRetries?: number } = {}): Fixture {
  const transport = new CutTransport()
  const transports = new TransportRegistry()
  transports.registerTransport('cut', transport.load)
  const connect = (): BrokerConnection =>
    new BrokerConnection({ urls: 'cut://', transports, context: transportContext(), ...options })
  const queue = createQueue({ name: 'replies' })
  const came: string[] = []
  const failures: Error[] = []
  const outside = connect()
  const own: Fixture = {
    transport,
    came,
    failures,
    awaited: true,
    reader: new ReplyReader({
      broker: connect(),
      queue,
      logger: silentLogger(),
      clock: systemClock,
      onReply: ({ body }) => came.push(String(body)),
      isAwaited: () => own.awaited,
      onFailed: (error) => failures.push(error),
    }),
    send: (...bodies) =>
      outside.withChannel((channel) =>
        channel.basicPublish(
          bodies.map((body) => ({ exchange: '', routingKey: 'replies', message: plainMessage(body) })),
        ),
      ),
    waiting: () =>
      outside.withChannel(async (channel) => {
        const declaration = { name: 'replies', durable: true, exclusive: false, autoDelete: false }
        return (await channel.queueDeclare(declaration)).messages
      }),
  }
  onTestFinished(async () => {
    await own.reader.stop({ remove: false })
    await outside.close()
  })
  return own
}

/** After what was published is in the queue, and before the next turn brings it. */
async function soon(): Promise<void> {
  for (let steps = 0; steps < 20; steps += 1) await Promise.resolve()
}

describe('ReplyReader', () => {
  it('hands over what came before and what comes, and acknowledges it', async () => {
    const { reader, came, send, waiting } = fixture()
    await send('a', 'b')
    await reader.start()
    await send('c')
    await waitFor(() => came.length === 3)
    expect(came).toEqual(['a', 'b', 'c'])
    await reader.stop({ remove: false })
    expect(await waiting()).toBe(0)
  })

  it('has caught up when all has come that was there', async () => {
    const { reader, came, send } = fixture()
    await send(...Array.from({ length: 2500 }, (_, index) => String(index)))
    await Promise.all([reader.catchUp(), reader.catchUp()])
    expect(came).toHaveLength(2500)
    await send('next')
    await reader.catchUp()
    expect(came.at(-1)).toBe('next')
  })

  it('goes on by itself on another connection as long as somebody waits', async () => {
    const { reader, transport, came, send } = fixture()
    await reader.start()
    await transport.cut()
    await send('a')
    await waitFor(() => came.length === 1)
    expect(transport.open).toBe(2)
  })

  it('waits for the next question where nobody waits', async () => {
    const own = fixture()
    const { reader, transport, came, send } = own
    own.awaited = false
    await reader.start()
    await transport.cut()
    await send('a')
    expect([came, transport.open]).toEqual([[], 1])
    await reader.catchUp()
    expect(came).toEqual(['a'])
  })

  it('asks again when the connection is lost over a question', async () => {
    const { reader, transport, came, send } = fixture()
    await reader.start()
    await send('a')
    let cuts = 1
    transport.onVerb = async (verb) => {
      if (verb === 'basicPublish' && cuts > 0) {
        cuts -= 1
        await transport.cut()
      }
    }
    await reader.catchUp()
    expect(came).toContain('a')
  })

  it('asks again when the question was lost with the connection', async () => {
    const own = fixture()
    const { reader, transport, came, send } = own
    own.awaited = false
    await reader.start()
    let cut: Promise<void> | undefined
    transport.onVerb = (verb) => {
      if (verb === 'basicPublish') cut ??= soon().then(() => transport.cut())
    }
    const caughtUp = reader.catchUp()
    await waitFor(() => cut !== undefined)
    await cut
    transport.onVerb = () => undefined
    await send('a')
    await caughtUp
    expect([came, transport.open]).toEqual([['a'], 2])
  })

  it('says when no connection can be had any more, and tries anew when asked', async () => {
    const { reader, transport, failures, send, came } = fixture({ maxRetries: 0 })
    await reader.start()
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    await transport.cut()
    await waitFor(() => failures.length === 1)
    await expect(reader.start()).rejects.toThrow('away')
    transport.onConnect = () => undefined
    await reader.start()
    await send('a')
    await waitFor(() => came.length === 1)
  })

  it('removes the queue in the end when it is told to, and answers no more', async () => {
    const { reader, send, waiting } = fixture()
    await send('a')
    await reader.stop({ remove: true })
    await reader.stop({ remove: true })
    expect(await waiting()).toBe(0)
    await expect(reader.catchUp()).rejects.toThrow('closed')
    await expect(reader.start()).rejects.toThrow('closed')
  })
})
