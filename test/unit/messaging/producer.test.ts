import { beforeEach, describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError, EncodeError, OperationalError } from '../../../src/errors.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import { Producer } from '../../../src/messaging/producer.ts'
import type { ProducerOptions, PublishOptions } from '../../../src/messaging/producer.ts'
import { createQueue } from '../../../src/messaging/queue.ts'
import type { Publication } from '../../../src/transport/transport.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { transportContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { plainMessage } from '../../support/fake-store.ts'
import { FakeTransport } from '../../support/fake-transport.ts'

let clock: FakeClock
let transport: FakeTransport
let broker: BrokerConnection
let producer: Producer

beforeEach(() => {
  clock = fakeClock()
  transport = new FakeTransport()
  broker = new BrokerConnection({
    urls: 'fake://u:secret@a',
    transports: transport.registry(),
    context: transportContext({ clock }),
  })
  producer = makeProducer()
})

function makeProducer(options: Partial<ProducerOptions> = {}): Producer {
  return new Producer({ connection: broker, clock, ...options })
}

function publish(body: string, options?: PublishOptions): Promise<void> {
  return producer.publish([{ exchange: '', routingKey: 'q', message: plainMessage(body) }], options)
}

/** Let time pass in small steps, with a few turns of the event loop at each, so that what goes on can go on. */
async function elapse(ms: number, stepMs = 50): Promise<void> {
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 6; turn += 1) await nextTurn()
  }
  await settle()
  for (let left = ms; left > 0; left -= stepMs) {
    await clock.advance(Math.min(stepMs, left))
    await settle()
  }
}

/** The promise's error; undefined when it resolved. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** Refuse batches with this body. */
function refuse(body: string, error: Error): void {
  transport.onPublish = (publications) => {
    if (bodies(publications).includes(body)) throw error
  }
}

const bodies = (publications: readonly Publication[]): unknown[] => publications.map(({ message }) => message.body)

describe('publishing', () => {
  it('resolves when the broker has it', async () => {
    let done = false
    let confirm: () => void = () => undefined
    transport.onPublish = () => new Promise((resolve) => (confirm = resolve))
    const publishing = publish('1').then(() => (done = true))
    await elapse(10)
    expect(done).toBe(false)
    confirm()
    await publishing
    expect(transport.published).toEqual([['1']])
    await elapse(0)
    expect(clock.pending).toBe(0)
  })

  it('takes all of one turn together, in order', async () => {
    const later = Promise.resolve().then(() => publish('3'))
    await Promise.all([publish('1'), publish('2'), later])
    expect(transport.published).toEqual([['1', '2', '3']])
  })

  it('takes together what comes while another batch is under way', async () => {
    let confirm: () => void = () => undefined
    transport.onPublish = () => new Promise((resolve) => (confirm = resolve))
    const first = publish('1')
    await elapse(0)
    const rest = ['2', '3'].map((body) => publish(body))
    await elapse(0)
    rest.push(publish('4'))
    transport.onPublish = () => undefined
    confirm()
    await Promise.all([first, ...rest])
    expect(transport.published).toEqual([['1'], ['2', '3', '4']])
  })

  it('lets a bulk leave in portions, and loses nothing of it', async () => {
    const all = Array.from({ length: 12_000 }, (_, index) => String(index))
    await Promise.all(all.map((body) => publish(body)))
    expect(transport.published.flat()).toEqual(all)
    expect(transport.published.map((batch) => batch.length)).toEqual([5000, 5000, 2000])
  })

  it('uses one channel', async () => {
    await publish('1')
    await publish('2')
    expect(transport.calls).toEqual(['openChannel', 'basicPublish 1', 'basicPublish 1'])
  })

  it('is possible again after everything was published', async () => {
    for (let round = 0; round < 50; round += 1) {
      // At each distance in promises from the end of the one before.
      const before = publish('x')
      await before
      for (let link = 0; link < round % 7; link += 1) await Promise.resolve()
    }
    expect(transport.published).toHaveLength(50)
  })
})

describe('declaring', () => {
  const [a, b] = [createQueue('a'), createQueue({ name: 'b', exchange: 'x', routingKey: 'k' })]

  it('happens once for each queue and connection, before publishing', async () => {
    transport.onPublish = () => {
      expect(transport.declared).toContain('a')
    }
    await Promise.all([publish('1', { declare: [a] }), publish('2', { declare: [a, b] })])
    await publish('3', { declare: [b] })
    expect(transport.declared).toEqual(['a', 'b'])
    transport.connections[0]?.lose(new ConnectionError('gone'))
    await elapse(0)
    await publish('4', { declare: [a] })
    expect(transport.declared).toEqual(['a', 'b', 'a'])
  })

  it('that is refused concerns only those who asked for it', async () => {
    transport.onDeclare = ({ name }) => {
      if (name === 'a') throw new ChannelError('other arguments')
    }
    const [refused, fine] = [errorOf(publish('1', { declare: [a], retry: false })), publish('2', { declare: [b] })]
    await fine
    expect(await refused).toEqual(new ChannelError('other arguments'))
    expect(transport.published).toEqual([['2']])
  })
})

describe('a batch that is refused', () => {
  it('does not poison the others when one message is to blame', async () => {
    refuse('bad', new EncodeError('no form'))
    const names = ['1', '2', 'bad', '4', '5']
    const errors = await Promise.all(names.map((body) => errorOf(publish(body))))
    expect(errors).toEqual([undefined, undefined, new EncodeError('no form'), undefined, undefined])
    expect(transport.published.flat()).toEqual(['1', '2', '4', '5'])
    await elapse(0)
    expect(clock.pending).toBe(0)
  })

  it('is told apart also where the channel refuses', async () => {
    refuse('bad', new ChannelError('no queue takes it'))
    const [fine, bad] = [publish('1'), errorOf(publish('bad', { retry: false }))]
    await fine
    expect(await bad).toBeInstanceOf(ChannelError)
  })
})

describe('trying again', () => {
  it('follows the policy: at once, then after growing waits', async () => {
    const times: number[] = []
    transport.onPublish = () => {
      times.push(clock.monotonic())
      throw new OperationalError('locked')
    }
    const error = errorOf(publish('1', { retryPolicy: { maxRetries: 3 } }))
    await elapse(10_000)
    expect(await error).toEqual(new OperationalError('locked'))
    expect(times).toEqual([0, 0, 200, 600])
  })

  it('goes on until the time is over, by default for half a minute', async () => {
    let attempts = 0
    transport.onPublish = () => {
      attempts += 1
      throw new OperationalError('locked')
    }
    const hasty = errorOf(publish('1', { retryPolicy: { timeout: 2.5 } }))
    await elapse(1999)
    expect(attempts).toBe(5)
    await elapse(501)
    expect(await hasty).toEqual(new OperationalError('locked'))
    let ended = false
    const patient = errorOf(publish('2')).finally(() => (ended = true))
    await elapse(28_000, 500)
    expect(ended).toBe(false)
    await elapse(2000, 500)
    expect(await patient).toEqual(new OperationalError('locked'))
  })

  it('asks a broker that refuses three times more', async () => {
    let attempts = 0
    transport.onPublish = () => {
      attempts += 1
      throw new ChannelError('no such exchange')
    }
    const error = errorOf(publish('1'))
    await elapse(1000)
    expect([await error, attempts]).toEqual([new ChannelError('no such exchange'), 4])
  })

  it('outlasts a broker that is away for two seconds', async () => {
    transport.onConnect = () => {
      throw new Error('connect ECONNREFUSED')
    }
    const publishing = publish('1')
    await elapse(2000)
    transport.onConnect = () => undefined
    await elapse(1000)
    await publishing
    expect(transport.published).toEqual([['1']])
  })

  it('ends with where and why when the broker stays away', async () => {
    transport.onConnect = () => {
      throw new Error('connect ECONNREFUSED')
    }
    const error = errorOf(publish('1'))
    await elapse(30_000, 500)
    expect(await error).toBeInstanceOf(OperationalError)
    expect(String(await error)).toContain('Cannot connect to fake://u:**@a: connect ECONNREFUSED')
  })

  it('takes another policy, or none', async () => {
    let attempts = 0
    transport.onPublish = () => {
      attempts += 1
      throw new OperationalError('locked')
    }
    const retryPolicy = { maxRetries: 5, intervalStart: 1, intervalStep: 10, intervalMax: 2 }
    const error = errorOf(publish('1', { retryPolicy }))
    await elapse(9000)
    expect([await error, attempts]).toEqual([expect.any(OperationalError), 6])
    await expect(publish('1', { retry: false })).rejects.toThrow('locked')
    expect(attempts).toBe(7)
  })

  it('succeeds when the broker is back, on a new connection', async () => {
    await publish('1')
    transport.connections[0]?.lose(new ConnectionError('gone'))
    await elapse(0)
    let refusals = 2
    transport.onConnect = () => {
      refusals -= 1
      if (refusals >= 0) throw new Error('refused')
    }
    const publishing = publish('2')
    await elapse(1000)
    await publishing
    expect(transport.published).toEqual([['1'], ['2']])
    expect(transport.attempts).toHaveLength(4)
  })

  it('does not happen for errors that stay', async () => {
    transport.onPublish = () => {
      throw new TypeError('no such thing')
    }
    await expect(publish('1')).rejects.toThrow(TypeError)
    expect(transport.calls).toEqual(['openChannel', 'basicPublish 1'])
  })

  it('opens another channel after the broker closed one', async () => {
    let refused = false
    transport.onPublish = () => {
      if (refused) return
      refused = true
      throw new ChannelError('closed')
    }
    await publish('1')
    expect(transport.calls).toEqual(['openChannel', 'basicPublish 1', 'closeChannel', 'openChannel', 'basicPublish 1'])
  })
})

describe('a broker that does not answer', () => {
  it('keeps nobody waiting for longer than the time given', async () => {
    producer = makeProducer({ retryPolicy: { timeout: 5 } })
    transport.onPublish = () => new Promise(() => undefined)
    const error = errorOf(publish('1'))
    await elapse(4999, 500)
    transport.onPublish = () => undefined
    const next = publish('2')
    await elapse(1)
    expect(String(await error)).toContain('fake://u:**@a did not answer in time')
    expect(await error).toBeInstanceOf(OperationalError)
    await next
    expect(transport.published).toEqual([['2']])
    await elapse(0)
    expect(clock.pending).toBe(0)
  })

  it('is taken for dead, and what it may have lost is published again on another connection', async () => {
    transport.onPublish = () => new Promise(() => undefined)
    const publishing = publish('1')
    await elapse(14_000, 500)
    transport.onPublish = () => undefined
    await elapse(1000)
    await publishing
    expect([transport.published, transport.connections.map(({ isOpen }) => isOpen)]).toEqual([[['1']], [false, true]])
  })

  it('is named with what was wrong before', async () => {
    producer = makeProducer({ retryPolicy: { timeout: 5, intervalStart: 1 } })
    transport.onPublish = () => {
      throw new OperationalError('locked')
    }
    const error = errorOf(publish('1'))
    await elapse(500)
    transport.onPublish = () => new Promise(() => undefined)
    await elapse(4500, 500)
    expect(String(await error)).toMatch(/did not answer in time; before: locked/)
  })

  it('has no effect when it answers too late', async () => {
    producer = makeProducer({ retryPolicy: { timeout: 5 } })
    const answers: ((error?: Error) => void)[] = []
    transport.onPublish = () =>
      new Promise((resolve, reject) => {
        answers.push((error) => {
          if (error === undefined) resolve()
          else reject(error)
        })
      })
    const errors = [errorOf(publish('1')), errorOf(publish('2'))]
    await elapse(5000)
    answers[0]?.(new TypeError('late'))
    await elapse(0)
    for (const error of errors) expect(await error).toBeInstanceOf(OperationalError)
    expect(transport.published).toEqual([])
    expect(transport.calls.filter((call) => call.startsWith('basicPublish'))).toEqual(['basicPublish 2'])
  })

  describe('while others of the batch have time left', () => {
    const retryPolicy = { intervalStart: 1, timeout: 5 }
    let answers: { resolve: () => void; reject: (error: Error) => void }[]

    /** A batch of `1`, whose time is over at 5000, and `2`, which has until 6000; nobody answers. */
    async function hangUntilFirstIsOver(): Promise<unknown[]> {
      producer = makeProducer({ retryPolicy: { timeout: 5 } })
      answers = []
      transport.onPublish = () => {
        throw new OperationalError('locked')
      }
      const first = errorOf(publish('1', { retryPolicy }))
      await elapse(950)
      transport.onPublish = () =>
        new Promise((resolve, reject) => {
          answers.push({ resolve, reject })
        })
      const second = errorOf(publish('0'))
      await elapse(0)
      const third = errorOf(publish('2'))
      await elapse(50)
      answers[0]?.resolve()
      expect(await second).toBeUndefined()
      await elapse(3999)
      expect(transport.calls.at(-1)).toBe('basicPublish 2')
      await elapse(1)
      return [first, third]
    }

    it('those are tried again, once, whatever comes late', async () => {
      const [first, third] = await hangUntilFirstIsOver()
      expect(await first).toBeInstanceOf(OperationalError)
      expect(answers).toHaveLength(3)
      const before = [...transport.calls]
      answers[1]?.reject(new OperationalError('late'))
      await elapse(0)
      expect(transport.calls).toEqual(before)
      transport.onPublish = () => undefined
      answers[2]?.reject(new OperationalError('locked'))
      await elapse(500)
      expect(await third).toBeUndefined()
      expect(transport.published).toEqual([['0'], ['2']])
    })

    it('a late success counts', async () => {
      const [first, third] = await hangUntilFirstIsOver()
      answers[1]?.resolve()
      expect(await third).toBeUndefined()
      expect(await first).toBeInstanceOf(OperationalError)
      expect(transport.published).toEqual([['0'], ['2', '1']])
    })
  })

  it('does not hang either when it cannot be connected to', async () => {
    transport.onConnect = () => new Promise(() => undefined)
    const error = errorOf(publish('1'))
    await elapse(30_000, 500)
    expect(await error).toBeInstanceOf(OperationalError)
  })
})

describe('giving up', () => {
  it('rejects with the reason of the signal', async () => {
    const controller = new AbortController()
    transport.onPublish = () => new Promise(() => undefined)
    const underWay = errorOf(publish('1', { signal: controller.signal }))
    await elapse(0)
    const pending = errorOf(publish('2', { signal: controller.signal }))
    controller.abort(new Error('never mind'))
    expect([await underWay, await pending]).toEqual([new Error('never mind'), new Error('never mind')])
    await expect(publish('3', { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late')
  })

  it('does not publish what nobody wants any more', async () => {
    const controller = new AbortController()
    const unwanted = errorOf(publish('1', { signal: controller.signal }))
    controller.abort(new Error('never mind'))
    await publish('2')
    await unwanted
    expect(transport.published).toEqual([['2']])
  })
})

describe('closing', () => {
  it('publishes first what was handed over, and what waits for another attempt', async () => {
    let failures = 2
    transport.onPublish = () => {
      failures -= 1
      if (failures >= 0) throw new OperationalError('locked')
    }
    const publishing = publish('1')
    const closing = producer.close()
    await elapse(5000)
    await Promise.all([publishing, closing])
    expect(transport.published).toEqual([['1']])
    expect(transport.calls.at(-1)).toBe('closeChannel')
    await producer.close()
    expect(transport.connections[0]?.isOpen).toBe(true)
  })
})
