/** `celeriac migrate` between real brokers: Python's messages keep every byte, and kill -9 loses none. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'
import { Celery, silentLogger } from '../support/product.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import type { RabbitmqServer } from '../support/rabbitmq.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { ROOT } from '../support/sources.ts'
import { waitFor } from '../support/wait-for.ts'

/** A list of Redis, and a message in it. */
interface Raw {
  readonly key: string
  readonly raw: string
}

interface RawEnvelope {
  readonly headers: { readonly id: string }
  readonly properties: Record<string, unknown>
}

/** What Python's Celery put into the queue `celery`, whatever the priority. */
function pythonMessages(): Raw[] {
  const text = readFileSync(join(ROOT, 'test/wire/redis-messages.json'), 'utf8')
  const recorded: readonly { readonly messages: readonly Raw[] }[] = JSON.parse(text)
  return recorded.flatMap(({ messages }) => messages.filter(({ key }) => isOfQueue(key, 'celery')))
}

/** The queue's list, or that of one of its priorities. */
function isOfQueue(key: string, queue: string): boolean {
  return key === queue || key.startsWith(`${queue}\u0006`)
}

/** A message without what belongs to one delivery: its place, and its name there. */
function withoutDelivery(raw: string): RawEnvelope {
  const envelope: RawEnvelope = JSON.parse(raw)
  const { delivery_tag: _tag, delivery_info: _info, ...properties } = envelope.properties
  return { ...envelope, properties }
}

describeWithRedis('migrate', () => {
  let redis: RedisServer
  let cwd: string
  let file: string

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())
  beforeEach(() => {
    cwd = makeProject({})
    file = `sqlite:///${join(cwd, 'way.db')}`
  })
  afterEach(() => redis.ask('FLUSHALL'))

  const migrate = (...args: readonly string[]) => runCli(['migrate', '-a', '-t', '0', '--json', ...args], { cwd })
  /** All that lies in the lists of a queue; what was pushed first comes last. */
  const contents = async (queue: string): Promise<string[]> => {
    const keys = (await redis.ask('KEYS', `${queue}*`)).split('\n').filter((key) => isOfQueue(key, queue))
    const all: string[] = []
    for (const key of keys) {
      const length = Number(await redis.ask('LLEN', key))
      for (let start = 0; start < length; start += 500) {
        all.push(...(await redis.ask('LRANGE', key, String(start), String(start + 499))).split('\n'))
      }
    }
    return all
  }

  async function roundTrip(way: string): Promise<void> {
    const messages = pythonMessages()
    expect(messages.length).toBeGreaterThan(40)
    for (const { key, raw } of messages) await redis.ask('LPUSH', key, raw)
    const there = await migrate(redis.url, way)
    expect([there.code, there.stderr]).toEqual([0, ''])
    expect(JSON.parse(there.stdout)).toMatchObject({ moved: messages.length, remaining: 0 })
    expect(await contents('celery')).toEqual([])
    const back = await migrate('-Q', 'celery:back', way, redis.url)
    expect(JSON.parse(back.stdout)).toMatchObject({ moved: messages.length, remaining: 0 })
    const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
    const expected = messages.map(({ raw }) => withoutDelivery(raw)).sort(byText)
    expect((await contents('back')).map(withoutDelivery).sort(byText)).toEqual(expected)
  }

  it("brings Python's messages from Redis to SQLite and back as they were", () => roundTrip(file))

  describeWithRabbitmq('by way of RabbitMQ', () => {
    let rabbitmq: RabbitmqServer
    beforeAll(async () => {
      rabbitmq = await startRabbitmq()
    }, 90_000)
    afterAll(() => rabbitmq.stop())

    it("brings Python's messages there and back as they were", () => roundTrip(rabbitmq.url))

    it('names a queue that is not there, and ends with 69', async () => {
      const { code, stderr } = await migrate('-Q', 'nowhere', rabbitmq.url, file)
      expect(code).toBe(69)
      expect(stderr).toContain("no queue 'nowhere'")
    })
  })

  it('loses nothing when it is killed in the middle', { timeout: 60_000 }, async () => {
    const app = new Celery('proj', { broker: file, logger: silentLogger() })
    const sent = await app.sendTasks(Array.from({ length: 5000 }, (_, n) => ({ name: 'proj.x', args: [n] })))
    await app.close()
    const doomed = startCli(['migrate', '-a', file, redis.url], { cwd })
    await waitFor(async () => Number(await redis.ask('LLEN', 'celery')) > 0, { what: 'a message', intervalMs: 1 })
    await doomed.kill()
    const before = Number(await redis.ask('LLEN', 'celery'))
    expect(before).toBeLessThan(5000)
    const rest: { moved: number } = JSON.parse((await migrate(file, redis.url)).stdout)
    // What the destination had confirmed and the source did not know of comes twice: one batch at most.
    expect(before + rest.moved).toBeGreaterThanOrEqual(5000)
    expect(before + rest.moved).toBeLessThanOrEqual(5100)
    const arrived = (await contents('celery')).map((raw) => withoutDelivery(raw).headers.id)
    expect([...new Set(arrived)].sort()).toEqual(sent.map(({ id }) => id).sort())
  })
})
