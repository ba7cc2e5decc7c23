import { unlinkSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConnectionError, EncodeError } from '../../../../src/errors.ts'
import type { SqliteStore } from '../../../../src/transport/sqlite/store.ts'
import type { QueueDeclaration } from '../../../../src/transport/transport.ts'
import type { StoredMessage } from '../../../../src/transport/virtual/store.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import {
  bodies,
  entry,
  FakeProcesses,
  findFaults,
  message,
  openRaw,
  openStore,
  query,
  temporaryFile,
} from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

const ACK = { noAck: false }
const NO_ACK = { noAck: true }
const QUEUE: QueueDeclaration = { name: 'a', durable: true, exclusive: false, autoDelete: false }

describe('the embedded store', () => {
  let file: string
  let clock: FakeClock
  let processes: FakeProcesses
  const open: SqliteStore[] = []
  beforeEach(() => {
    file = temporaryFile()
    clock = fakeClock()
    processes = new FakeProcesses()
  })
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close()
  })

  /** A store as another process would have it. Its number in `processes` is the order of opening. */
  async function openAnother(leaseMs?: number): Promise<SqliteStore> {
    const store = await openStore(file, {
      clock,
      processes: processes.table(),
      ...(leaseMs === undefined ? {} : { leaseMs }),
    })
    open.push(store)
    return store
  }

  it('takes puts of one turn as one, and each on its own when one fails', async () => {
    const store = await openAnother()
    const results = await Promise.allSettled([
      store.putMany([entry('a', '1'), entry('a', '2')]),
      store.putMany([{ ...entry('a', 'bad'), message: message('bad', { headers: { big: 1n } }) }]),
      store.putMany([entry('a', '3')]),
      store.putMany([]),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: expect.any(EncodeError) })
    expect(query(file, 'SELECT first, last FROM celeriac_run')).toEqual([{ first: 1, last: 3 }])
  })

  it('gives nothing, and writes nothing, where there is nothing', async () => {
    const store = await openAnother()
    expect(await store.getMany(['a'], 9, ACK)).toEqual([])
    await store.putMany([entry('a', '1')])
    expect(await store.getMany(['b'], 9, ACK)).toEqual([])
    expect(await store.getMany(['a'], 0, ACK)).toEqual([])
    expect(await store.getMany([], 9, ACK)).toEqual([])
    expect(query(file, 'SELECT * FROM celeriac_owner')).toEqual([])
  })

  it('keeps what is held until it is acknowledged, and forgets what needs no acknowledgement', async () => {
    const store = await openAnother()
    await store.putMany(['1', '2', '3'].map((body) => entry('a', body)))
    const held = await store.getMany(['a'], 2, ACK)
    expect(bodies(await store.getMany(['a'], 2, NO_ACK))).toEqual(['3'])
    await store.ackMany(held)
    expect(query(file, 'SELECT * FROM celeriac_message')).toEqual([])
    expect(query(file, 'SELECT * FROM celeriac_held')).toEqual([])
    // Twice is once.
    await store.ackMany(held)
    await store.releaseMany(held, { redelivered: true })
    expect(await store.size('a')).toBe(0)
  })

  it('does not let go of what could not be acknowledged', async () => {
    const store = await openStore(file, { clock, processes: processes.table() })
    await store.putMany([entry('a', '1')])
    const held = await store.getMany(['a'], 2, ACK)
    const shell = openRaw(file)
    shell.exec('DROP TABLE celeriac_held')
    await expect(store.ackMany(held)).rejects.toThrow('no such table')
    shell.exec('CREATE TABLE celeriac_held (owner, lease, first, last, queue, rank)')
    await store.ackMany(held)
    expect(query(file, 'SELECT * FROM celeriac_message')).toEqual([])
    shell.close()
    await store.close()
  })

  it('gives back all that it holds when it is closed, and wakes who waits', async () => {
    const [one, other] = [await openAnother(), await openAnother()]
    await one.putMany(['1', '2'].map((body) => entry('a', body)))
    await one.getMany(['a'], 9, ACK)
    const waiting = other.waitForMessages(['a'], new AbortController().signal)
    await one.close()
    await waiting
    const back = await other.getMany(['a'], 9, ACK)
    expect(back.map(({ redelivered, message: { body } }) => [body, redelivered])).toEqual([
      ['1', true],
      ['2', true],
    ])
    expect(query(file, 'SELECT count(*) AS n FROM celeriac_owner')).toEqual([{ n: 1 }])
    await expect(one.closed).resolves.toBeUndefined()
    await expect(one.getMany(['a'], 9, ACK)).rejects.toThrow(ConnectionError)
  })

  it('takes over from the dead in the course of its upkeep, and when it is opened', async () => {
    const [one, other] = [await openAnother(), await openAnother()]
    await one.putMany(['1', '2', '3'].map((body) => entry('a', body)))
    await one.getMany(['a'], 2, ACK)
    processes.verdicts.set('1', 'gone')
    await clock.advance(3000)
    await waitFor(async () => (await other.size('a')) === 3)
    await other.getMany(['a'], 3, ACK)
    processes.verdicts.set('2', 'gone')
    const third = await openAnother()
    expect(await third.size('a')).toBe(3)
    expect(findFaults(file)).toEqual([])
  })

  it('keeps its lease as long as it works, and learns when it has lost it', async () => {
    const other = await openAnother(1000)
    processes.verdicts.set('2', 'unknown')
    // Somewhere else, with a clock of its own.
    const ownClock = fakeClock(clock.now())
    const one = await openStore(file, {
      clock: ownClock,
      processes: processes.table({ space: 'there' }),
      leaseMs: 1000,
    })
    open.push(one)
    await one.putMany(['1', '2'].map((body) => entry('a', body)))
    const held = await one.getMany(['a'], 1, ACK)
    const lease = (): number => Number(query(file, 'SELECT lease_mono_ms FROM celeriac_owner')[0]?.['lease_mono_ms'])
    for (let count = 0; count < 12; count += 1) {
      processes.monotonicMs += 250
      await ownClock.advance(250)
      await waitFor(() => lease() > processes.monotonicMs)
      await clock.advance(250)
      expect(await other.size('a')).toBe(1)
    }
    // It is stopped for longer than its lease.
    processes.monotonicMs += 2000
    await clock.advance(250)
    await waitFor(async () => (await other.size('a')) === 2)
    await expect(one.ackMany(held)).rejects.toThrow('was not heard of for too long')
    await expect(one.closed).resolves.toBeInstanceOf(ConnectionError)
    await expect(one.getMany(['a'], 1, ACK)).rejects.toThrow(ConnectionError)
    await one.close()
    expect(await other.size('a')).toBe(2)
  })

  it('ends when its file is deleted', async () => {
    const store = await openAnother()
    const waiting = store.waitForMessages(['a'], new AbortController().signal)
    unlinkSync(file)
    await waiting
    expect(await store.closed).toMatchObject({ message: expect.stringContaining('was deleted or replaced') })
    await expect(store.putMany([entry('a', '1')])).rejects.toThrow(ConnectionError)
  })

  it('delivers what is due at its time, and counts it before', async () => {
    const store = await openAnother()
    await store.putMany([entry('a', 'later', { dueMs: clock.now() + 5000 }), entry('a', 'now')])
    expect(await store.size('a')).toBe(2)
    expect(bodies(await store.getMany(['a'], 9, ACK))).toEqual(['now'])
    const waiting = store.waitForMessages(['a'], new AbortController().signal)
    await clock.advance(5000)
    await waiting
    expect(bodies(await store.getMany(['a'], 9, ACK))).toEqual(['later'])
  })

  it('gives queues equal shares, another one first each time', async () => {
    const store = await openAnother()
    await store.putMany(Array.from({ length: 20 }, (_, index) => entry(index < 10 ? 'a' : 'b', String(index))))
    const first = await store.getMany(['a', 'b'], 1, ACK)
    const second = await store.getMany(['a', 'b'], 1, ACK)
    expect(new Set([...first, ...second].map(({ queue }) => queue))).toEqual(new Set(['a', 'b']))
    const more = await store.getMany(['a', 'b'], 8, ACK)
    expect(more.filter(({ queue }) => queue === 'a')).toHaveLength(4)
  })

  it('purges a long queue while others go on', async () => {
    const [one, other] = [await openAnother(), await openAnother()]
    await one.putMany(Array.from({ length: 20_000 }, () => entry('a', 'x')))
    await one.putMany([entry('a', 'due', { dueMs: clock.now() + 1000 })])
    let nowMs = performance.now()
    const time = vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 1))
    let puts = 0
    const purge = one.purge('a')
    const done = purge.then(() => true)
    while (!(await Promise.race([done, other.putMany([entry('b', 'x')]).then(() => false)]))) puts += 1
    expect(await purge).toBe(20_001)
    expect(puts).toBeGreaterThan(0)
    time.mockRestore()
    expect(await one.size('a')).toBe(0)
    expect(await one.purge('nothing')).toBe(0)
  })

  it('declares queues without a write where nothing changes', async () => {
    const store = await openAnother()
    await store.declareQueue(QUEUE)
    const counter = openRaw(file)
    const version = (): unknown => counter.prepare('PRAGMA data_version').get()
    const before = version()
    await store.declareQueue(QUEUE)
    await store.declareExchange({ name: 'x', type: 'direct', durable: true, autoDelete: false })
    const between = version()
    expect(between).not.toEqual(before)
    await store.declareExchange({ name: 'x', type: 'direct', durable: true, autoDelete: false })
    expect(version()).toEqual(between)
    counter.close()
  })

  it('lets a queue expire that is only taken from now and then, when nobody does so any more', async () => {
    const store = await openAnother()
    await store.declareQueue({ ...QUEUE, arguments: { 'x-expires': 4000 } })
    for (let count = 0; count < 4; count += 1) {
      await store.getMany(['a'], 1, ACK)
      await clock.advance(3000)
    }
    const exists = (): boolean => query(file, 'SELECT * FROM celeriac_queue').length > 0
    expect(exists()).toBe(true)
    await clock.advance(3000)
    await waitFor(() => !exists())
  })

  it('keeps a queue that is consumed however busy its process is, and ends it after that', async () => {
    const [one, other] = [await openAnother(), await openAnother()]
    await one.declareQueue({ ...QUEUE, exclusive: true, autoDelete: true, arguments: { 'x-expires': 1000 } })
    await one.startConsuming('a')
    await clock.advance(60_000)
    await other.putMany([entry('a', '1')])
    expect(await one.size('a')).toBe(1)
    processes.verdicts.set('1', 'gone')
    await clock.advance(3000)
    await waitFor(() => query(file, 'SELECT * FROM celeriac_queue').length === 0)
    expect(query(file, 'SELECT * FROM celeriac_message')).toEqual([])
  })

  it('has a queue for whoever consumes one that was never declared', async () => {
    const store = await openAnother()
    await store.startConsuming('new')
    await store.stopConsuming('new')
    await store.stopConsuming('never')
    expect(query(file, 'SELECT name FROM celeriac_queue')).toEqual([{ name: 'new' }])
  })

  it('says in the log when its upkeep fails, and goes on', async () => {
    const warning = vi.fn()
    const logger = {
      debug: vi.fn(),
      info: vi.fn(),
      warning,
      error: vi.fn(),
      critical: vi.fn(),
      enabled: () => true,
      child: () => logger,
    }
    const store = await openStore(file, { clock, logger, processes: processes.table() })
    const shell = openRaw(file)
    shell.exec('ALTER TABLE celeriac_owner RENAME TO elsewhere')
    await clock.advance(3000)
    await waitFor(() => warning.mock.calls.length > 0)
    shell.exec('ALTER TABLE elsewhere RENAME TO celeriac_owner')
    shell.close()
    await store.putMany([entry('a', '1')])
    await store.close()
  })

  it('loses nothing and doubles nothing, whoever takes, dies, gives back or acknowledges', async () => {
    const store = fc.nat(2)
    const queue = fc.constantFrom('a', 'b')
    const step = fc.oneof(
      fc.record({
        verb: fc.constant('put' as const),
        store,
        queue,
        count: fc.integer({ min: 1, max: 50 }),
        priority: fc.nat(9),
      }),
      fc.record({ verb: fc.constant('later' as const), store, queue, count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ verb: fc.constant('take' as const), store, count: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ verb: fc.constant('ack' as const), store, part: fc.nat(10) }),
      fc.record({ verb: fc.constant('release' as const), store, part: fc.nat(10) }),
      fc.record({ verb: fc.constant('die' as const), store }),
      fc.record({ verb: fc.constant('pass' as const), ms: fc.nat(4000) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        file = temporaryFile()
        processes = new FakeProcesses()
        clock = fakeClock()
        const stores: SqliteStore[] = []
        const held: StoredMessage[][] = []
        const waiting = new Set<string>()
        const replace = async (index: number): Promise<void> => {
          stores[index] = await openStore(file, { clock, processes: processes.table() })
          held[index] = []
        }
        for (const index of [0, 1, 2]) await replace(index)
        const threads = ['1', '2', '3']
        const abandoned: SqliteStore[] = []
        let last = 0
        for (const given of steps) {
          if (given.verb === 'put' || given.verb === 'later') {
            const names = Array.from({ length: given.count }, () => String((last += 1)))
            const changes = given.verb === 'put' ? { priority: given.priority } : { dueMs: clock.now() + 2000 }
            await stores[given.store]!.putMany(names.map((name) => entry(given.queue, name, changes)))
            for (const name of names) waiting.add(name)
          } else if (given.verb === 'take') {
            const taken = await stores[given.store]!.getMany(['a', 'b'], given.count, ACK)
            for (const name of bodies(taken)) expect(waiting.delete(String(name))).toBe(true)
            held[given.store]!.push(...taken)
          } else if (given.verb === 'ack' || given.verb === 'release') {
            const mine = held[given.store]!
            const part = mine.filter((_, index) => index % (given.part + 1) === 0)
            held[given.store] = mine.filter((each) => !part.includes(each))
            if (given.verb === 'ack') await stores[given.store]!.ackMany(part)
            else {
              await stores[given.store]!.releaseMany(part, { redelivered: true })
              for (const name of bodies(part)) waiting.add(String(name))
            }
          } else if (given.verb === 'die') {
            processes.verdicts.set(threads[given.store]!, 'gone')
            abandoned.push(stores[given.store]!)
            for (const name of bodies(held[given.store]!)) waiting.add(String(name))
            // Opening looks after the dead.
            await replace(given.store)
            threads[given.store] = String(3 + abandoned.length)
          } else {
            await clock.advance(given.ms)
          }
          expect(findFaults(file)).toEqual([])
        }
        await clock.advance(10_000)
        const rest = await stores[0]!.getMany(['a', 'b'], 9999, NO_ACK)
        expect(new Set(bodies(rest).map(String))).toEqual(waiting)
        for (const each of [...stores, ...abandoned]) await each.close()
      }),
      { numRuns: 20 },
    )
  })
})
