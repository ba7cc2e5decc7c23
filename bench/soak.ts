/**
 * Does a worker stay as large as it is? Hours in twenty minutes: tasks with results at half the rate that the worker can
 * do, and its resident memory, children included, along the way: `npm run bench:soak -- --help`. Ends with an error where
 * it has grown by more than a twentieth since the first quarter.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { GeneratorProcess } from './support/generator-process.ts'
import { describeMachine } from './support/machine.ts'
import { startRedisServer } from './support/redis-server.ts'
import { median } from './support/statistics.ts'
import { startCeleriacWorker } from './support/worker-process.ts'
import type { WorkerProcess } from './support/worker-process.ts'

const HELP = `npm run bench:soak -- [options]
  --minutes N   how long, on each broker (default 20); memory is compared with that after a quarter of it
  --brokers L   sqlite, redis, or both with a comma (default both)
  --pool P      prefork, threads, async, solo (default prefork)
  --name NAME   write bench/results/NAME.json (default: soak)`

/** How much larger it may be in the end. */
const MAY_GROW = 1.05
/** Sent first, to warm the worker up and to see what it can do. */
const TRIAL_TASKS = 20_000
const LOAD = 0.5
/** Memory is looked at so many times; a figure is the median of five. */
const LOOKS = 100
const LOOKS_PER_FIGURE = 5
/** Results are waited for, so that a worker that falls behind is noticed, so often. */
const SECONDS_PER_ROUND = 10

/** What came of it on one broker. */
interface Soak {
  readonly tasks: number
  readonly tasksPerSecond: number
  /** Of the worker with its children, at even distances. */
  readonly megabytes: readonly number[]
  readonly megabytesAfterQuarter: number
  readonly megabytesInTheEnd: number
  readonly growth: number
}

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    brokers: { type: 'string', default: 'sqlite,redis' },
    pool: { type: 'string', default: 'prefork' },
    name: { type: 'string', default: 'soak' },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) console.log(HELP)
else await run()

async function run(): Promise<void> {
  const machine = describeMachine()
  const soaks: Record<string, Soak> = {}
  for (const broker of options.brokers.split(',')) {
    soaks[broker] = await withBroker(broker, (url) => soak(url, Number(options.minutes) * 60_000))
  }
  const report = {
    date: new Date().toISOString(),
    machine,
    minutes: Number(options.minutes),
    pool: options.pool,
    soaks,
  }
  const file = join(import.meta.dirname, 'results', `${options.name}.json`)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`${JSON.stringify(report, null, 2)}\n${file}`)
  const grown = Object.entries(soaks).filter(([, { growth }]) => growth > MAY_GROW)
  for (const [broker, { growth }] of grown)
    console.error(`On ${broker} the worker has grown ${growth.toFixed(2)} times`)
  process.exitCode = grown.length === 0 ? 0 : 1
}

async function soak(url: string, durationMs: number): Promise<Soak> {
  const env = { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url, CELERY_RESULT_EXPIRES: '300' }
  const generator = await GeneratorProcess.start('celeriac', [], env)
  const worker = startCeleriacWorker('celeriac.ts', ['-P', options.pool, '-c', '2'], { cwd: tmpdir(), env })
  try {
    const perSecond = Math.floor((await trialRate(generator, worker)) * LOAD)
    const looks: number[] = []
    const look = setInterval(() => {
      const { parent, children } = worker.memory()
      looks.push(Math.round((parent + children) / 2 ** 20))
    }, durationMs / LOOKS)
    const tasks = await keepBusy(generator, worker, perSecond, durationMs)
    clearInterval(look)
    const quarter = Math.floor(looks.length / 4)
    const megabytesAfterQuarter = median(looks.slice(quarter, quarter + LOOKS_PER_FIGURE))
    const megabytesInTheEnd = median(looks.slice(-LOOKS_PER_FIGURE))
    const growth = megabytesInTheEnd / megabytesAfterQuarter
    return { tasks, tasksPerSecond: perSecond, megabytes: looks, megabytesAfterQuarter, megabytesInTheEnd, growth }
  } finally {
    await generator.stop()
    await worker.stop()
  }
}

async function trialRate(generator: GeneratorProcess, worker: WorkerProcess): Promise<number> {
  await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: TRIAL_TASKS })
  const { count, firstMs, lastMs } = await Promise.race([generator.ask({ verb: 'finish', skip: 0 }), worker.lost])
  return (count * 1000) / (lastMs - firstMs)
}

/** Answers how many tasks there were. */
async function keepBusy(
  generator: GeneratorProcess,
  worker: WorkerProcess,
  perSecond: number,
  durationMs: number,
): Promise<number> {
  const fromMs = performance.now()
  let tasks = 0
  for (let second = 1; performance.now() - fromMs < durationMs; second += 1) {
    await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: perSecond })
    tasks += perSecond
    if (second % SECONDS_PER_ROUND === 0) {
      await Promise.race([generator.ask({ verb: 'finish', skip: 0 }), worker.lost])
    }
    await sleep(Math.max(fromMs + second * 1000 - performance.now(), 0))
  }
  return tasks
}

async function withBroker<T>(broker: string, measure: (url: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'celeriac-soak-'))
  try {
    if (broker === 'sqlite') return await measure(`sqlite:///${join(folder, 'bench.db')}`)
    if (broker !== 'redis') throw new Error(`--brokers takes sqlite and redis, not "${broker}"`)
    const server = await startRedisServer(folder)
    if (server === undefined) throw new Error('redis-server is not installed')
    try {
      return await measure(`redis://127.0.0.1:${String(server.port)}/0`)
    } finally {
      await server.stop()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
