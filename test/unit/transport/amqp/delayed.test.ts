import { describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError } from '../../../../src/errors.ts'
import type { Headers } from '../../../../src/protocol/message.ts'
import { DelayedDelivery, restoreDelivery } from '../../../../src/transport/amqp/delayed.ts'
import type { DelayedQueueType } from '../../../../src/transport/amqp/options.ts'
import type { Delivery, Publication } from '../../../../src/transport/transport.ts'
import { FakeAmqpConnection } from '../../../support/fake-amqp.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const ARRIVAL = 'celery_delayed_delivery'
const TOP = 'celery_delayed_27'
const IS_THERE = [`exchangeCheck ${ARRIVAL}`, `exchangeBind ${ARRIVAL} celery_delayed_0 ${'*.'.repeat(27)}0.#`]
/** The routing key of five seconds. */
const FIVE = `${'0.'.repeat(25)}1.0.1.`

interface Fixture {
  readonly fake: FakeAmqpConnection
  readonly delayed: DelayedDelivery
  /** A publication that is due in so many milliseconds. */
  due(inMs: number, routingKey?: string, exchange?: string): Publication
  calls(): string[]
  /** The arguments with which a queue was declared. */
  argumentsOf(queue: string): unknown
}

function fixture(queueType: DelayedQueueType = 'quorum'): Fixture {
  const fake = new FakeAmqpConnection()
  const clock = fakeClock()
  const calls = (): string[] => fake.channels.flatMap((channel) => channel.calls)
  return {
    fake,
    delayed: new DelayedDelivery({ connection: fake.connection, clock, queueType }),
    due: (inMs, routingKey = 'q', exchange = '') => ({
      exchange,
      routingKey,
      message: { body: '', contentType: '', contentEncoding: 'utf-8', headers: {}, properties: {} },
      dueMs: clock.now() + inMs,
    }),
    calls,
    argumentsOf(queue) {
      const start = `queueDeclare ${queue} `
      const call = calls().find((each) => each.startsWith(start)) ?? `${start}{}`
      return JSON.parse(call.slice(start.length)).arguments
    },
  }
}

describe('DelayedDelivery', () => {
  it('leaves alone what is due, and declares nothing for it', async () => {
    const { fake, delayed, due } = fixture()
    const publications = [due(0), due(-1)]
    expect(await delayed.delay(publications)).toBe(publications)
    expect(fake.channels).toEqual([])
  })

  it('sends the rest of a batch to the top level, under the seconds until it is due, rounded up', async () => {
    const { delayed, due } = fixture()
    const [now, later] = [due(0), due(4001)]
    expect(await delayed.delay([now, later])).toEqual([
      now,
      { exchange: TOP, routingKey: `${FIVE}/q`, message: later.message },
    ])
  })

  it('binds a queue that is sent to by its name', async () => {
    const { delayed, due, calls } = fixture()
    await delayed.delay([due(1000)])
    expect(calls()).toEqual([...IS_THERE, `queueBind q ${ARRIVAL} #./q`])
  })

  it('has a queue give back exchange and routing key of what goes elsewhere', async () => {
    const { delayed, due, calls, argumentsOf } = fixture()
    const [sent] = await delayed.delay([due(5000, 'a.b', 'x/y')])
    expect(sent).toMatchObject({ exchange: TOP, routingKey: `${FIVE}x%2fy/a%2eb` })
    expect(argumentsOf('celeriac_delayed.x%2fy/a%2eb')).toEqual({
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-message-ttl': 0,
      'x-dead-letter-exchange': 'x/y',
      'x-dead-letter-routing-key': 'a.b',
      'x-dead-letter-strategy': 'at-least-once',
    })
    expect(calls().at(-1)).toBe(`queueBind celeriac_delayed.x%2fy/a%2eb ${ARRIVAL} #.x%2fy/a%2eb`)
  })

  it('binds each target once for a batch, and again for the next one', async () => {
    const { delayed, due, calls } = fixture()
    await delayed.delay([due(1000, 'a'), due(2000, 'b'), due(3000, 'a')])
    await delayed.delay([due(1000, 'a')])
    const bound = ['a', 'b', 'a'].map((queue) => `queueBind ${queue} ${ARRIVAL} #./${queue}`)
    expect(calls()).toEqual([...IS_THERE, ...bound])
  })

  it('names a target that is too long for a routing key by its digest', async () => {
    const { delayed, due } = fixture()
    const key = 'k'.repeat(200)
    const [one, other] = await delayed.delay([due(5000, key, 'x'), due(5000, key, 'y')])
    expect(one?.routingKey).toMatch(/\.\/[\da-f]{40}\/$/)
    expect(one?.routingKey).not.toBe(other?.routingKey)
  })

  it('delays for as long as its bits can say, at most', async () => {
    const { delayed, due } = fixture()
    const [sent] = await delayed.delay([due(2 ** 28 * 1000)])
    expect(sent?.routingKey).toBe(`${'1.'.repeat(28)}/q`)
  })

  it('does not delay what has become due meanwhile', async () => {
    const { fake, due } = fixture()
    const publication = due(1000)
    const times = [0, 1000].map((ms) => fakeClock().now() + ms)
    const clock = { ...fakeClock(), now: () => times.shift() ?? 0 }
    const delayed = new DelayedDelivery({ connection: fake.connection, clock, queueType: 'quorum' })
    expect(await delayed.delay([publication])).toEqual([publication])
  })

  it('declares the levels where they are not there, each leading to the next', async () => {
    const { fake, delayed, due, calls, argumentsOf } = fixture()
    fake.onOpen = (channel) => channel.refused.add('exchangeCheck')
    await delayed.delay([due(1000)])
    const exchange = '{"type":"topic","durable":true,"autoDelete":false}'
    const declared = calls().filter((call) => call.startsWith('exchangeDeclare'))
    expect(declared).toEqual(
      [...Array(28).keys()]
        .toReversed()
        .map((level) => `exchangeDeclare celery_delayed_${String(level)} ${exchange}`)
        .concat(`exchangeDeclare ${ARRIVAL} ${exchange}`),
    )
    const common = {
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-dead-letter-strategy': 'at-least-once',
    }
    expect(argumentsOf(TOP)).toEqual({
      ...common,
      'x-message-ttl': 2 ** 27 * 1000,
      'x-dead-letter-exchange': 'celery_delayed_26',
    })
    expect(argumentsOf('celery_delayed_0')).toEqual({
      ...common,
      'x-message-ttl': 1000,
      'x-dead-letter-exchange': ARRIVAL,
    })
    expect(calls()).toContain(`queueBind ${TOP} ${TOP} 1.#`)
    expect(calls()).toContain(`exchangeBind celery_delayed_26 ${TOP} 0.#`)
    expect(calls().slice(-2)).toEqual([IS_THERE[1], `queueBind q ${ARRIVAL} #./q`])
  })

  it.each([
    ['quorum', '3.10.0', 'quorum'],
    ['quorum', '4.0.2', 'quorum'],
    ['quorum', '3.9.29', 'classic'],
    ['quorum', undefined, 'classic'],
    ['classic', '3.13.0', 'classic'],
  ] as const)('wants %s queues, and RabbitMQ %s gets %s ones', async (wanted, version, type) => {
    const { fake, delayed, due, argumentsOf } = fixture(wanted)
    fake.version = version
    await delayed.delay([due(1000, 'k', 'x')])
    const strategy = type === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once' } : {}
    expect(argumentsOf('celeriac_delayed.x/k')).toEqual({
      'x-queue-type': type,
      'x-overflow': 'reject-publish',
      'x-message-ttl': 0,
      'x-dead-letter-exchange': 'x',
      'x-dead-letter-routing-key': 'k',
      ...strategy,
    })
  })

  it('says so where a queue is not there', async () => {
    const { fake, delayed, due } = fixture()
    fake.onOpen = (channel) => channel.refused.add('queueBind')
    await expect(delayed.delay([due(1000)])).rejects.toThrow(ChannelError)
  })

  it('declares nothing where the connection is lost, and looks again the next time', async () => {
    const { fake, delayed, due, calls } = fixture()
    const failure = new ConnectionError('gone')
    fake.onOpen = (channel) => {
      const check = channel.exchangeCheck
      channel.exchangeCheck = () => {
        channel.exchangeCheck = check
        return Promise.reject(failure)
      }
    }
    await expect(delayed.delay([due(1000)])).rejects.toBe(failure)
    expect(calls()).toEqual([])
    await delayed.delay([due(1000)])
    expect(calls().slice(0, 2)).toEqual(IS_THERE)
  })

  it('binds queue and exchange as Celery does, for what its clients delay', async () => {
    const { delayed, calls } = fixture()
    await delayed.bindAsCelery('q', 'x', 'a.*')
    expect(calls()).toEqual([...IS_THERE, `exchangeBind x ${ARRIVAL} #.a.*`, 'queueBind q x #.a.*'])
  })
})

function delivery(headers: Headers, exchange = ARRIVAL, routingKey = `${FIVE}/q%2er`): Delivery {
  const message = { body: '', contentType: '', contentEncoding: 'utf-8', headers, properties: {} }
  return { deliveryTag: 1, exchange, routingKey, queue: 'q.r', redelivered: false, message }
}

const DELAYS = [{ queue: 'celery_delayed_2' }, { queue: 'celeriac_delayed.x/k' }]
const DELAYED = { 'x-death': DELAYS, 'x-first-death-queue': 'celery_delayed_2', 'x-last-death-reason': 'expired' }

describe('restoreDelivery', () => {
  it('leaves alone what was not delayed', () => {
    const prompt = delivery({ id: 'x' }, 'x', 'k')
    expect(restoreDelivery(prompt)).toBe(prompt)
  })

  it('gives what was sent to a queue its address back, and tells of no delay', () => {
    expect(restoreDelivery(delivery({ id: 'x', ...DELAYED }))).toEqual(delivery({ id: 'x' }, '', 'q.r'))
  })

  it('leaves the address of what came by another way', () => {
    expect(restoreDelivery(delivery(DELAYED, 'x', 'k./q%2er'))).toEqual(delivery({}, 'x', 'k./q%2er'))
    expect(restoreDelivery(delivery(DELAYED, ARRIVAL, `${FIVE}k`))).toEqual(delivery({}, ARRIVAL, `${FIVE}k`))
  })

  it('tells of the queues of others in which it has expired', () => {
    const other = { queue: 'retry.later' }
    const { headers } = restoreDelivery(delivery({ ...DELAYED, 'x-death': [...DELAYS, other] })).message
    expect(headers).toEqual({ ...DELAYED, 'x-death': [other] })
  })
})
