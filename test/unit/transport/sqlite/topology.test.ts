import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import {
  addConsumer,
  addExclusive,
  bind,
  declareExchange,
  declareQueue,
  deleteExchange,
  findQueue,
  listExpired,
  plainQueue,
  removeConsumer,
  removeOwnerFromQueues,
  removeQueue,
  RoutingTable,
  touchQueue,
  unbind,
} from '../../../../src/transport/sqlite/topology.ts'
import type { ExchangeDeclaration, QueueDeclaration } from '../../../../src/transport/transport.ts'
import { openDatabase, openWithTables, query } from '../../../support/sqlite.ts'

const NOW = 1_700_000_000_000
const TOPIC: ExchangeDeclaration = { name: 'news', type: 'topic', durable: true, autoDelete: false }

describe('topology', () => {
  let database: SqliteDatabase
  beforeEach(async () => {
    database = await openWithTables()
  })
  afterEach(() => database.release())

  function write<T>(work: Parameters<typeof database.write<T>>[0]): Promise<T> {
    return database.write(work)
  }

  function declare(name: string, changes: Partial<QueueDeclaration> = {}): Promise<number> {
    return write((statements) => declareQueue(statements, { ...plainQueue(name), ...changes }, NOW))
  }

  it('keeps queues by name; the last declaration counts', async () => {
    expect(database.read((statements) => findQueue(statements, 'a'))).toBeUndefined()
    const id = await declare('a')
    expect(await declare('a', { autoDelete: true, arguments: { 'x-expires': 5000, 'x-message-ttl': 7 } })).toBe(id)
    expect(database.read((statements) => findQueue(statements, 'a'))).toMatchObject({
      id,
      autoDelete: true,
      expiresMs: 5000,
      ttlMs: 7,
    })
    await declare('a', { arguments: { 'x-expires': 'soon', 'x-message-ttl': -1 } })
    expect(database.read((statements) => findQueue(statements, 'a'))).toMatchObject({
      expiresMs: undefined,
      ttlMs: undefined,
    })
  })

  it('removes a queue with its bindings, and never gives its number again', async () => {
    const id = await declare('a')
    await write((statements) => {
      bind(statements, { exchange: 'news', routingKey: '#', queue: 'a' }, NOW)
      bind(statements, { exchange: 'news', routingKey: '#', queue: 'b' }, NOW)
      addConsumer(statements, id, 1)
      addExclusive(statements, id, 1)
      removeQueue(statements, id)
    })
    const left = ['binding', 'consumer', 'exclusive'].map(
      (table) => query(database.file, `SELECT * FROM celeriac_${table}`).length,
    )
    expect(left).toEqual([1, 0, 0])
    expect(await declare('a')).toBeGreaterThan(id)
  })

  it('lets queues expire that nobody uses', async () => {
    const id = await declare('a', { arguments: { 'x-expires': 1000 } })
    await declare('b')
    const expired = (nowMs: number): number[] => database.read((statements) => listExpired(statements, nowMs))
    expect([expired(NOW + 999), expired(NOW + 1000)]).toEqual([[], [id]])
    await write((statements) => {
      touchQueue(statements, id, NOW + 500)
    })
    expect(expired(NOW + 1400)).toEqual([])
    await write((statements) => {
      addConsumer(statements, id, 1)
    })
    expect(expired(NOW + 99_000)).toEqual([])
    await write((statements) => removeConsumer(statements, id, 1, NOW + 99_000))
    expect([expired(NOW + 99_999), expired(NOW + 100_000)]).toEqual([[], [id]])
  })

  it('ends auto-delete queues with their last consumer', async () => {
    const [auto, plain] = [await declare('auto', { autoDelete: true }), await declare('plain')]
    await write((statements) => {
      for (const queue of [auto, plain]) for (const owner of [1, 2]) addConsumer(statements, queue, owner)
      expect(removeConsumer(statements, auto, 1, NOW)).toBe(false)
      expect(removeConsumer(statements, auto, 1, NOW)).toBe(false)
      expect(removeConsumer(statements, auto, 2, NOW)).toBe(true)
      expect([1, 2].map((owner) => removeConsumer(statements, plain, owner, NOW))).toEqual([false, false])
    })
  })

  it('ends what belongs to an owner with it', async () => {
    const [auto, exclusive, shared] = [
      await declare('auto', { autoDelete: true }),
      await declare('exclusive'),
      await declare('shared'),
    ]
    await write((statements) => {
      addConsumer(statements, auto, 1)
      addConsumer(statements, exclusive, 1)
      addExclusive(statements, exclusive, 1)
      for (const owner of [1, 2]) addExclusive(statements, shared, owner)
      expect(removeOwnerFromQueues(statements, 1, NOW).sort()).toEqual([auto, exclusive].sort())
      expect(removeOwnerFromQueues(statements, 1, NOW)).toEqual([])
      expect(removeOwnerFromQueues(statements, 2, NOW)).toEqual([shared])
    })
  })

  it('shows exchanges and bindings that any process has changed', async () => {
    const other = openDatabase(database.file)
    const routes = new RoutingTable(other)
    expect(routes.exchange('news')).toBeUndefined()
    await write((statements) => {
      declareExchange(statements, TOPIC)
      bind(statements, { exchange: 'news', routingKey: 'a.*', queue: 'a' }, NOW)
      bind(statements, { exchange: 'news', routingKey: 'a.*', queue: 'a' }, NOW)
      bind(statements, { exchange: 'other', routingKey: '', queue: 'b' }, NOW)
    })
    expect(routes.exchange('news')).toEqual(TOPIC)
    expect(routes.bindings('news')).toEqual([{ exchange: 'news', routingKey: 'a.*', queue: 'a' }])
    expect(routes.bindings(undefined)).toHaveLength(2)
    expect(routes.bindings('none')).toEqual([])
    await write((statements) => {
      unbind(statements, { exchange: 'news', routingKey: 'a.*', queue: 'a' })
    })
    expect(routes.bindings('news')).toEqual([])
    await write((statements) => {
      deleteExchange(statements, 'news')
      deleteExchange(statements, 'other')
    })
    expect([routes.exchange('news'), routes.bindings(undefined)]).toEqual([undefined, []])
    await other.release()
  })
})
