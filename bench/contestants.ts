/** Who takes part in the bench, and how each is measured: the same steps for all. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { measureRawSqlite } from './raw-sqlite.ts'
import { GeneratorProcess } from './support/generator-process.ts'
import type { RedisServer } from './support/redis-server.ts'
import { percentile } from './support/statistics.ts'
import { BULLMQ, RAW } from './support/table.ts'
import type { Row } from './support/table.ts'
import { startBullmqWorker, startCeleriacWorker } from './support/worker-process.ts'
import type { WorkerProcess } from './support/worker-process.ts'

/** What all measure alike. */
export interface Plan {
  /** For files that go when the bench ends. */
  readonly folder: string
  readonly redis: RedisServer | undefined
  readonly tasks: number
  readonly roundTrips: number
}

export interface Contestant {
  readonly name: string
  readonly needsRedis?: true
  readonly measure: (plan: Plan) => Promise<Row[]>
}

/** Tasks that run at the same time, wherever one process runs many. */
const CONCURRENCY = 100
const QUEUE = 'bench'

export const CONTESTANTS: readonly Contestant[] = [
  { name: RAW, measure: measureRaw },
  { name: BULLMQ, needsRedis: true, measure: measureBullmq },
  { name: 'celeriac sqlite, enqueue', measure: measureSqliteEnqueue },
  sqliteWorker(`-P async -c ${String(CONCURRENCY)}`),
  sqliteWorker('-P prefork -c 2'),
  sqliteWorker('-P solo'),
  memoryPool('async', CONCURRENCY),
  memoryPool('solo', 1),
]

async function measureRaw(plan: Plan): Promise<Row[]> {
  const { eachPerSecond, bulkPerSecond, drainPerSecond } = measureRawSqlite(freshFolder(plan), plan.tasks)
  return [
    { measure: 'enqueue, one by one', system: RAW, value: eachPerSecond, unit: 'tasks/s' },
    { measure: 'enqueue, bulk', system: RAW, value: bulkPerSecond, unit: 'tasks/s' },
    { measure: 'drain', system: RAW, value: drainPerSecond, unit: 'tasks/s' },
  ]
}

async function measureBullmq(plan: Plan): Promise<Row[]> {
  const { redis } = plan
  if (redis === undefined) return []
  const address = [String(redis.port), QUEUE]
  await redis.flush()
  const enqueued = await withGenerator(['bullmq', ...address], {}, (generator) =>
    measureEnqueue(BULLMQ, plan, generator),
  )
  await redis.flush()
  const drained = await withGenerator(['bullmq', ...address], {}, (generator) =>
    measureWorker(BULLMQ, plan, generator, () =>
      startBullmqWorker([...address, String(CONCURRENCY)], { cwd: plan.folder }),
    ),
  )
  await redis.flush()
  return [...enqueued, ...drained]
}

function measureSqliteEnqueue(plan: Plan): Promise<Row[]> {
  return withGenerator(['celeriac'], sqliteIn(freshFolder(plan)), (generator) =>
    measureEnqueue('celeriac sqlite', plan, generator),
  )
}

/** `options` are those of `celeriac worker`. */
function sqliteWorker(options: string): Contestant {
  const name = `celeriac sqlite, ${options}`
  return {
    name,
    measure: (plan) => {
      const cwd = freshFolder(plan)
      const env = sqliteIn(cwd)
      const start = (): WorkerProcess => startCeleriacWorker('celeriac.ts', options.split(' '), { cwd, env })
      return withGenerator(['celeriac'], env, (generator) => measureWorker(name, plan, generator, start))
    },
  }
}

/** Queues in memory are for one process: here generator and worker share it, and compete for its one thread. */
function memoryPool(pool: string, concurrency: number): Contestant {
  const name = `celeriac memory, ${pool} ${String(concurrency)}`
  const env = { CELERY_BROKER_URL: 'memory://', CELERY_RESULT_BACKEND: 'memory://' }
  return {
    name,
    measure: (plan) =>
      withGenerator(['celeriac'], env, async (generator) => {
        await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: plan.tasks })
        await generator.ask({ verb: 'start-worker', pool, concurrency })
        return measureWork(name, plan, generator)
      }),
  }
}

/** Nobody takes from the queue meanwhile. */
async function measureEnqueue(system: string, plan: Plan, generator: GeneratorProcess): Promise<Row[]> {
  const rows: Row[] = []
  for (const [how, measure, tasks] of [
    ['each', 'enqueue, one by one', Math.ceil(plan.tasks / 10)],
    ['parallel', 'enqueue, 1,000 in parallel', plan.tasks],
    ['bulk', 'enqueue, bulk', plan.tasks],
  ] as const) {
    const { seconds } = await generator.ask({ verb: 'enqueue', how, tasks })
    rows.push({ measure, system, value: tasks / seconds, unit: 'tasks/s' })
  }
  return rows
}

/** First all tasks are enqueued, then the worker starts. */
async function measureWorker(
  system: string,
  plan: Plan,
  generator: GeneratorProcess,
  startWorker: () => WorkerProcess,
): Promise<Row[]> {
  await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: plan.tasks })
  const worker = startWorker()
  try {
    const rows = await Promise.race([measureWork(system, plan, generator), worker.lost])
    const { parent, children } = worker.memory()
    rows.push({ measure: 'worker memory after it', system, value: (parent + children) / 2 ** 20, unit: 'MB' })
    return rows
  } finally {
    await worker.stop()
  }
}

/** From the first result to the last, so that starting does not count; then calls on an idle worker, one at a time. */
async function measureWork(system: string, plan: Plan, generator: GeneratorProcess): Promise<Row[]> {
  const { count, firstMs, lastMs } = await generator.ask({ verb: 'finish', skip: 0 })
  if (count !== plan.tasks) throw new Error(`${system}: ${String(count)} results for ${String(plan.tasks)} tasks`)
  const { milliseconds } = await generator.ask({ verb: 'round-trips', tasks: plan.roundTrips })
  return [
    { measure: 'drain', system, value: (count / (lastMs - firstMs)) * 1000, unit: 'tasks/s' },
    { measure: 'round trip p50', system, value: percentile(milliseconds, 0.5), unit: 'ms' },
    { measure: 'round trip p99', system, value: percentile(milliseconds, 0.99), unit: 'ms' },
  ]
}

async function withGenerator(
  [kind = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  measure: (generator: GeneratorProcess) => Promise<Row[]>,
): Promise<Row[]> {
  const generator = await GeneratorProcess.start(kind, args, env)
  try {
    return await measure(generator)
  } finally {
    await generator.stop()
  }
}

function freshFolder(plan: Plan): string {
  return mkdtempSync(join(plan.folder, 'round-'))
}

function sqliteIn(folder: string): Record<string, string> {
  const url = `sqlite:///${join(folder, 'bench.db')}`
  return { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url }
}
