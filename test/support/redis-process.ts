/**
 * A process of its own that uses the Redis transport, for tests that kill it. Its first argument says what it does, the
 * second the server, the third is for the role; the parent hears from it and tells it things over the channel of `fork`.
 * What must outlive a kill it writes into a journal, line by line.
 */
import { appendFileSync } from 'node:fs'
import { connectRedis } from '../../src/driver/redis.ts'
import { RedisStore } from '../../src/transport/redis/store.ts'
import type { StoredMessage } from '../../src/transport/virtual/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { entry, keys } from './redis-transport.ts'

const [, , role = '', url = '', argument = ''] = process.argv
const never = new AbortController().signal

async function openStore(leaseMs: number): Promise<RedisStore> {
  return new RedisStore(await connectRedis(url, {}, 'The test'), {
    keys: keys(),
    clock: systemClock,
    logger: silentLogger(),
    leaseMs,
    visibilityTimeoutMs: 3_600_000,
    clientName: undefined,
    queueOrder: 'round_robin',
    bodyEncoding: 'base64',
  })
}

function note(verb: string, messages: readonly StoredMessage[]): void {
  const lines = messages.map(({ message: { body }, redelivered }) => JSON.stringify([verb, body, redelivered]))
  if (lines.length > 0) appendFileSync(argument, `${lines.join('\n')}\n`)
}

/** Takes messages and lets go of them again, in every way there is. */
async function consume(): Promise<void> {
  const store = await openStore(1200)
  await store.startConsuming('q')
  process.send?.('ready')
  for (;;) {
    const taken = await store.getMany(['q'], 1 + Math.floor(Math.random() * 40), { noAck: false })
    note('take', taken)
    if (taken.length === 0) await store.waitForMessages(['q'], never)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
    const back = taken.filter(() => Math.random() < 0.1)
    const done = taken.filter((message) => !back.includes(message))
    await Promise.all([
      store.ackMany(done).then(() => {
        note('done', done)
      }),
      store.releaseMany(back, { redelivered: false }),
    ])
  }
}

/** Sends batches, some of them for later, and notes those that are stored. */
async function produce(): Promise<void> {
  const store = await openStore(1200)
  process.send?.('ready')
  for (let batch = 0; ; batch += 1) {
    const names = Array.from({ length: 7 }, (_, index) => `${String(process.pid)}-${String(batch)}-${String(index)}`)
    const dueMs = Math.random() < 0.3 ? Date.now() + 100 : 0
    await store.putMany(names.map((name) => entry('q', name, { dueMs })))
    appendFileSync(argument, `${JSON.stringify(['put', names])}\n`)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
  }
}

/** Takes what there is with a lease of so many milliseconds, tells how much, and does what it is told. */
async function hold(): Promise<void> {
  const store = await openStore(Number(argument))
  const taken = await store.getMany(['q'], 100, { noAck: false })
  process.on('message', (order) => {
    // Nothing else gets a turn meanwhile, as with a task that computes.
    if (order === 'block') for (const startMs = Date.now(); Date.now() - startMs < 1500;);
    void store.ackMany(taken).then(() => process.send?.('acknowledged'))
  })
  process.send?.(taken.length)
}

/** Waits for messages with a lease of so many milliseconds, and keeps them; tells their bodies, and how it ended. */
async function wait(): Promise<void> {
  const store = await openStore(Number(argument))
  await store.startConsuming('q')
  try {
    for (;;) {
      for (const { message } of await store.getMany(['q'], 100, { noAck: false })) process.send?.(message.body)
      await store.waitForMessages(['q'], never)
    }
  } catch (error) {
    process.send?.(String(error))
  }
}

const roles: Readonly<Record<string, () => Promise<void>>> = { consume, produce, hold, wait }
await roles[role]?.()
