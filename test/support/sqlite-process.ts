/**
 * A process of its own that works on an SQLite file, for tests that kill it. Its first argument says what it does, the
 * second the file; the parent hears from it and tells it things over the channel of `fork`. What must outlive a kill it
 * writes into a journal, line by line.
 */
import { appendFileSync } from 'node:fs'
import { storeResult } from '../../src/backend/storing.ts'
import { sqliteBackend } from '../../src/backend/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { readProcessTable } from '../../src/transport/sqlite/process.ts'
import { SqliteStore } from '../../src/transport/sqlite/store.ts'
import type { StoredMessage } from '../../src/transport/virtual/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { backendContext } from './context.ts'

const [, , role = '', file = '', argument = ''] = process.argv
const files = new SqliteFiles()
const never = new AbortController().signal
const context = { clock: systemClock, logger: silentLogger() }

function openStore(leaseMs = 30_000): Promise<SqliteStore> {
  return SqliteStore.open(files.open(file, {}), { ...context, processes: readProcessTable(), leaseMs })
}

function tell(news: unknown): void {
  process.send?.(news)
}

/** The next thing that the parent says. */
function told(): Promise<unknown> {
  return new Promise((resolve) => process.once('message', resolve))
}

/** Milliseconds on a clock that all processes share. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function note(verb: string, messages: readonly StoredMessage[]): void {
  const lines = messages.map(({ message: { body }, redelivered }) => JSON.stringify([verb, body, now(), redelivered]))
  if (lines.length > 0) appendFileSync(argument, `${lines.join('\n')}\n`)
}

function entry(queue: string, body: string): Parameters<SqliteStore['putMany']>[0][number] {
  const message = { body, contentType: 'text/plain', contentEncoding: 'utf-8', headers: {}, properties: {} }
  return { queue, exchange: '', routingKey: queue, message }
}

/** Takes messages and lets go of them again, in every way there is; notes what it does in its journal. */
async function consume(): Promise<void> {
  const store = await openStore()
  await store.startConsuming('q')
  tell('ready')
  for (;;) {
    const taken = await store.getMany(['q'], 1 + Math.floor(Math.random() * 40), { noAck: false })
    note('take', taken)
    if (taken.length === 0) await store.waitForMessages(['q'], never)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
    const back = taken.filter(() => Math.random() < 0.1)
    const done = taken.filter((message) => !back.includes(message))
    note('let go', taken)
    await Promise.all([
      store.ackMany(done).then(() => note('done', done)),
      store.releaseMany(back, { redelivered: false }),
    ])
  }
}

/** Sends batches of seven, and notes those that are stored. */
async function produce(): Promise<void> {
  const store = await openStore()
  tell('ready')
  for (let batch = 0; ; batch += 1) {
    const names = Array.from({ length: 7 }, (_, index) => `${String(process.pid)}-${String(batch)}-${String(index)}`)
    await store.putMany(names.map((name) => entry('q', name)))
    appendFileSync(argument, `${JSON.stringify(['put', names])}\n`)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
  }
}

/** Takes what there is, tells how much, and does what it is told. */
async function hold(): Promise<void> {
  const store = await openStore(Number(argument))
  const taken = await store.getMany(['q'], 100, { noAck: false })
  tell(taken.length)
  for (;;) {
    const order = await told()
    if (order === 'ack') await store.ackMany(taken)
    if (order === 'close') await store.close()
    // Nothing else gets a turn meanwhile, as with a task that computes.
    if (order === 'block') for (const startMs = now(); now() - startMs < 2500;);
    tell('done')
  }
}

/** Tells what it is told by messages, and when. */
async function listen(): Promise<void> {
  const store = await openStore()
  await store.startConsuming('q')
  tell('ready')
  process.on('message', () => {
    tell({ cpu: process.cpuUsage() })
  })
  for (;;) {
    const taken = await store.getMany(['q'], 100, { noAck: true })
    for (const { message } of taken) tell({ heard: message.body, atMs: now() })
    if (taken.length === 0) await store.waitForMessages(['q'], never)
  }
}

/** Waits for the word, opens the file, and puts one message. */
async function create(): Promise<void> {
  tell('ready')
  await told()
  try {
    const store = await openStore()
    await store.putMany([entry('q', String(process.pid))])
    await store.close()
    tell('done')
  } catch (error) {
    tell(String(error))
  }
}

/** Writes without a pause for as long as it is told; tells how often, and how long it waited at most. */
async function hammer(): Promise<void> {
  const database = files.open(file, {})
  await database.write((statements) => statements.run('CREATE TABLE IF NOT EXISTS t (a)'))
  tell('ready')
  await told()
  const endMs = now() + Number(argument)
  let count = 0
  let longestMs = 0
  while (now() < endMs) {
    const startMs = now()
    await database.write((statements) => {
      for (let row = 0; row < 50; row += 1) statements.run('INSERT INTO t VALUES (?)', 'x'.repeat(200))
    })
    count += 1
    longestMs = Math.max(longestMs, now() - startMs)
  }
  tell({ count, longestMs })
  await database.release()
}

/** Holds the lock until it is killed. */
async function lock(): Promise<void> {
  await files.open(file, {}).write(() => {
    tell('ready')
    // The word must be out before everything stands still.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    for (;;);
  })
}

/** As a user who may not write there, says what becomes of putting a message. */
async function intrude(): Promise<void> {
  if (process.getuid?.() === 0) process.setuid?.(65534)
  try {
    const store = await openStore()
    await store.putMany([entry('q', '1')])
    tell('stored')
  } catch (error) {
    tell(`${(error as Error).name}: ${(error as Error).message}`)
  }
}

/** Fills a disk: puts until that fails, tells why, and after a word puts again. */
async function fill(): Promise<void> {
  const store = await openStore()
  let count = 0
  const put = (body: string): Promise<void> => store.putMany([entry('q', body)])
  try {
    for (; ; count += 1) await put(`${String(count)} ${'x'.repeat(100_000)}`)
  } catch (error) {
    tell({ count, name: (error as Error).name, message: (error as Error).message })
  }
  const taken = await store.getMany(['q'], 1, { noAck: true }).catch(() => [])
  tell({ taken: taken.length, waiting: await store.size('q') })
  await told()
  await put('after')
  const rest = await store.getMany(['q'], 100_000, { noAck: true })
  tell({ rest: rest.map(({ message }) => String(message.body).split(' ')[0]) })
}

/** Stores results without a pause until it is killed. */
async function work(): Promise<void> {
  const backend = await sqliteBackend.open(`sqlite:///${file}`, {}, backendContext({ ...context, sqlite: files }))
  tell('ready')
  for (let count = 0; ; count += 1) {
    const result = { traceback: null, children: [], date_done: null, result: count }
    const metas = ['x', 'y'].map((name) => ({ ...result, task_id: `${name}${String(count)}`, status: 'SUCCESS' }))
    await Promise.all(metas.map((meta) => storeResult(backend, backend.encodeResult(meta))))
    appendFileSync(argument, `${String(count)}\n`)
  }
}

const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  consume,
  produce,
  hold,
  listen,
  create,
  hammer,
  lock,
  intrude,
  fill,
  work,
}

await ROLES[role]?.()
