/** Tasks that come to a worker before their time, as a Python client sends them: nothing parked them on the way. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Celery, createLogger } from '../../src/index.ts'
import type { AppOptions } from '../../src/index.ts'
import { encodeTask, encodeTaskV1 } from '../../src/protocol/task.ts'
import { MemoryTransport } from '../../src/transport/memory.ts'
import type { Connection, Publication, Transport, TransportContext } from '../../src/transport/transport.ts'
import type { Worker } from '../../src/worker/worker.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

/** A broker that cannot keep a message until it is due. */
class PlainTransport implements Transport {
  readonly name = 'plain'
  readonly #memory = new MemoryTransport()

  async connect(_url: string, _options: unknown, context: TransportContext): Promise<Connection> {
    const connection = await this.#memory.connect('memory://', {}, context)
    return {
      features: { ...connection.features, delayed: false },
      closed: connection.closed,
      openChannel: () => connection.openChannel(),
      close: () => connection.close(),
    }
  }
}

const brokers: Record<string, () => AppOptions> = {
  memory: () => ({ broker: 'memory://', backend: 'memory://' }),
  'a broker without delay': () => ({ broker: 'plain://', backend: 'memory://' }),
  sqlite: () => {
    const url = `sqlite:///${join(temporaryDirectory(), 'celeriac.db')}`
    return { broker: url, backend: url }
  },
}

interface Fixture {
  readonly app: Celery
  readonly worker: Worker
  /** Ids in the order in which they ran, and when. */
  readonly ran: [id: string, atMs: number][]
  publish(messages: readonly Publication[]): Promise<void>
  waiting(): Promise<number>
}

function fixture(broker: string, options: AppOptions = {}): Fixture {
  const logger = createLogger({ level: 'CRITICAL' })
  const app = new Celery('proj', { ...(brokers[broker] as () => AppOptions)(), logger, ...options })
  const plain = new PlainTransport()
  app.transports.registerTransport('plain', () => Promise.resolve(plain))
  const ran: [string, number][] = []
  app.task('proj.note', { bind: true }, (self) => void ran.push([self.request.id, Date.now()]))
  const worker = app.worker({ pool: 'async', concurrency: 2 })
  onTestFinished(async () => {
    await worker.stop('cold')
    await app.close()
  })
  const onChannel: Awaited<ReturnType<Celery['connect']>>['withChannel'] = async (work) => {
    const connection = await app.connect()
    try {
      return await connection.withChannel(work)
    } finally {
      await connection.close()
    }
  }
  return {
    app,
    worker,
    ran,
    publish: (messages) => onChannel((channel) => channel.basicPublish(messages)),
    waiting: async () => {
      const celery = { name: 'celery', durable: true, exclusive: false, autoDelete: false }
      return (await onChannel((channel) => channel.queueDeclare(celery))).messages
    },
  }
}

/** A message with an ETA that no transport is told of. */
function early(id: string, etaMs: number, encode: typeof encodeTask = encodeTask): Publication {
  const encoded = encode({ id, name: 'proj.note', args: [], kwargs: {}, origin: 'gen1@python', eta: etaMs })
  const { headers, properties, body } = encoded
  const message = { headers, properties, body: JSON.stringify(body) }
  return {
    exchange: '',
    routingKey: 'celery',
    message: { ...message, contentType: 'application/json', contentEncoding: 'utf-8' },
  }
}

describe.each(Object.keys(brokers))('over %s', (broker) => {
  it('no task starts before its time, whichever protocol it came in', async () => {
    const { worker, ran, publish } = fixture(broker)
    await worker.start()
    const nowMs = Date.now()
    await publish([early('later', nowMs + 400), early('v1', nowMs + 200, encodeTaskV1), early('past', nowMs - 60_000)])
    await waitFor(() => ran.length === 3)
    expect(ran.map(([id]) => id)).toEqual(['past', 'v1', 'later'])
    expect(ran[0]?.[1]).toBeLessThan(nowMs + 200)
    expect(ran[1]?.[1]).toBeGreaterThanOrEqual(nowMs + 200)
    expect(ran[2]?.[1]).toBeGreaterThanOrEqual(nowMs + 400)
  })

  it('those that wait do not keep others from running, and survive the worker', async () => {
    const { app, worker, ran, publish, waiting } = fixture(broker)
    await worker.start()
    const inAnHour = Date.now() + 3_600_000
    await publish(Array.from({ length: 100 }, (_, index) => early(`early-${String(index)}`, inAnHour + index)))
    await app.sendTask('proj.note')
    await waitFor(() => ran.length === 1)
    await worker.stop()
    expect(await waiting()).toBe(100)
  })
})

it('a broker that can keep them has them all back, however many: the worker holds none', async () => {
  const { app, worker, ran, publish, waiting } = fixture('sqlite')
  const inAnHour = Date.now() + 3_600_000
  const count = 20_000
  for (let from = 0; from < count; from += 5000) {
    const ids = Array.from({ length: 5000 }, (_, index) => from + index)
    await publish(ids.map((index) => early(`early-${String(index)}`, inAnHour + index)))
  }
  await worker.start()
  // It comes after all of them.
  await app.sendTask('proj.note')
  await waitFor(() => ran.length === 1, { timeoutMs: 20_000 })
  const { scheduled, reserved, active } = worker.state
  await waitFor(() => active.size === 0)
  expect([scheduled.size, reserved.size]).toEqual([0, 0])
  await waitFor(async () => (await waiting()) === count)
}, 30_000)

it('the setting workerEtaTaskLimit bounds what a worker holds', async () => {
  const { worker, publish } = fixture('a broker without delay', { workerEtaTaskLimit: 20 })
  await worker.start()
  const inAnHour = Date.now() + 3_600_000
  await publish(Array.from({ length: 50 }, (_, index) => early(`early-${String(index)}`, inAnHour)))
  await waitFor(() => worker.state.scheduled.size === 20)
  expect(worker.state.reserved.size).toBe(0)
})
