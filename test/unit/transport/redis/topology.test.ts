import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { RedisClient } from '../../../../src/driver/redis.ts'
import { Topology } from '../../../../src/transport/redis/topology.ts'
import type { ExchangeDeclaration, ExchangeType } from '../../../../src/transport/transport.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { keys, RedisBench } from '../../../support/redis-transport.ts'

const SEPARATOR = '\u0006\u0016'

describeWithRedis('exchanges and bindings in Redis', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  afterEach(() => bench.clear())

  const exchange = (type: ExchangeType): ExchangeDeclaration => ({ name: 'x', type, durable: true, autoDelete: false })
  const open = async (): Promise<{ client: RedisClient; topology: Topology }> => {
    const client = await bench.connect()
    return { client, topology: new Topology(client, keys()) }
  }

  it('are seen by others', async () => {
    const [one, other] = [await open(), await open()]
    await one.topology.declareExchange(exchange('topic'))
    await one.topology.bind({ exchange: 'x', queue: 'q', routingKey: 'a.#' })
    expect(await other.topology.getExchange('x')).toEqual(exchange('topic'))
    expect(await other.topology.bindings('x')).toEqual([{ exchange: 'x', queue: 'q', routingKey: 'a.#' }])
    expect(await other.topology.bindings(undefined)).toEqual([{ exchange: 'x', queue: 'q', routingKey: 'a.#' }])
    expect(await other.topology.route('x', 'a.b')).toEqual(['q'])
  })

  it('understand bindings of Python, and treat its exchanges as direct ones', async () => {
    const { client, topology } = await open()
    await client.send([['SADD', '_kombu.binding.x', `k${SEPARATOR}${SEPARATOR}q`]])
    expect(await topology.route('x', 'k')).toEqual(['q'])
    expect(await topology.route('x', 'other')).toEqual([])
    expect(await topology.route('', 'q')).toEqual(['q'])
  })

  it('know of a fanout exchange, however many are bound, only that somebody is', async () => {
    const { topology } = await open()
    await topology.declareExchange(exchange('fanout'))
    for (const queue of ['a', 'b']) await topology.bind({ exchange: 'x', queue, routingKey: '' })
    expect(topology.isFanout('x')).toBe(true)
    expect(await topology.bindings('x')).toHaveLength(1)
    expect(await (await open()).topology.bindings('x')).toHaveLength(1)
    expect(await topology.bindings(undefined)).toHaveLength(2)
  })

  it('are gone when they are removed', async () => {
    const { topology } = await open()
    await topology.declareExchange(exchange('direct'))
    await topology.bind({ exchange: 'x', queue: 'q', routingKey: 'k' })
    await topology.unbind({ exchange: 'x', queue: 'q', routingKey: 'k' })
    expect(await topology.bindings('x')).toEqual([])
    await topology.deleteExchange('x')
    expect(await topology.getExchange('x')).toBeUndefined()
    expect(await bench.keys()).toEqual([])
  })
})
