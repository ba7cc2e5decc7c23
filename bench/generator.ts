/**
 * The load generator: a process of its own that sends tasks to one system and waits for their results. `main.ts` tells it
 * what to do, one order at a time, over IPC; it answers each with what it measured.
 */
import { timed } from './support/statistics.ts'
import { BullmqSystem } from './systems/bullmq.ts'
import type { Finish, System } from './systems/system.ts'

/** What the generator is asked to do. */
export type Order =
  | { readonly verb: 'enqueue'; readonly how: 'each' | 'parallel' | 'bulk'; readonly tasks: number }
  | { readonly verb: 'enqueue-later'; readonly tasks: number; readonly seconds: number }
  | { readonly verb: 'round-trips'; readonly tasks: number }
  | { readonly verb: 'purge' }
  | { readonly verb: 'finish'; readonly skip: number }
  | { readonly verb: 'start-worker'; readonly pool: string; readonly concurrency: number }

/** What it answers. */
export type Answer =
  | { readonly verb: 'enqueue'; readonly seconds: number }
  | { readonly verb: 'enqueue-later' }
  | { readonly verb: 'round-trips'; readonly milliseconds: readonly number[] }
  | { readonly verb: 'purge' }
  | ({ readonly verb: 'finish' } & Finish)
  | { readonly verb: 'start-worker' }

/** How many sends are under way at a time with `parallel`, and in one call with `bulk`. */
const BATCH = 1_000

const [kind = '', ...args] = process.argv.slice(2)
const system = await openSystem()

process.on('message', (order: Order) => {
  void obey(order).then((answer) => process.send?.(answer))
})
process.once('disconnect', () => {
  void system.close().then(() => process.exit())
})
process.send?.('ready')

async function openSystem(): Promise<System> {
  const [port, queue = ''] = args
  if (kind === 'bullmq') return new BullmqSystem({ host: '127.0.0.1', port: Number(port) }, queue)
  if (kind === 'celeriac-without-results') {
    const { CeleriacWithoutResults } = await import('./systems/celeriac-without-results.ts')
    return new CeleriacWithoutResults()
  }
  const { CeleriacSystem } = await import('./systems/celeriac.ts')
  return new CeleriacSystem()
}

async function obey(order: Order): Promise<Answer> {
  switch (order.verb) {
    case 'enqueue':
      return { verb: 'enqueue', seconds: await timed(() => enqueue(order.how, order.tasks)) }
    case 'enqueue-later':
      await inBatches(order.tasks, (count) => system.sendManyLater(count, order.seconds))
      return { verb: 'enqueue-later' }
    case 'round-trips':
      return { verb: 'round-trips', milliseconds: await roundTrips(order.tasks) }
    case 'purge':
      await system.purge()
      return { verb: 'purge' }
    case 'finish':
      return { verb: 'finish', ...(await system.finish(order.skip)) }
    case 'start-worker':
      await startWorkerHere(order.pool, order.concurrency)
      return { verb: 'start-worker' }
  }
}

async function enqueue(how: 'each' | 'parallel' | 'bulk', tasks: number): Promise<void> {
  if (how === 'each') {
    for (let sent = 0; sent < tasks; sent += 1) await system.send()
    return
  }
  await inBatches(tasks, async (count) => {
    if (how === 'bulk') await system.sendMany(count)
    else await Promise.all(Array.from({ length: count }, () => system.send()))
  })
}

async function inBatches(tasks: number, send: (count: number) => Promise<void>): Promise<void> {
  for (let sent = 0; sent < tasks; sent += BATCH) await send(Math.min(BATCH, tasks - sent))
}

async function roundTrips(tasks: number): Promise<number[]> {
  const milliseconds: number[] = []
  for (let done = 0; done < tasks; done += 1) {
    milliseconds.push((await timed(() => system.roundTrip())) * 1000)
  }
  return milliseconds
}

/** For brokers that no other process can reach. */
async function startWorkerHere(pool: string, concurrency: number): Promise<void> {
  const { app } = await import('./apps/celeriac.ts')
  await app.worker({ pool, concurrency }).start()
}
