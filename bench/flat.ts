/**
 * Does it stay flat? The cost of a task in a queue of ten thousand and in one of a million, and the memory of a worker
 * while a hundred thousand tasks wait for their time: `npm run bench:flat -- --help`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GeneratorProcess } from './support/generator-process.ts'
import { describeMachine } from './support/machine.ts'
import { median } from './support/statistics.ts'
import { startCeleriacWorker } from './support/worker-process.ts'

const HELP = `npm run bench:flat -- [options]
  --small N   tasks of the small queue (default 10000)
  --large N   tasks of the large queue (default 1000000)
  --eta N     tasks that wait for their time (default 100000)
  --name NAME write bench/results/NAME.json (default: flat)`

/** Run before the ones that count, so that both queues meet a worker that is warm. */
const WARM_UP_TASKS = 50_000
const SMALL_ROUNDS = 5
const WORKER = ['-P', 'async', '-c', '100']

const { values: options } = parseArgs({
  options: {
    small: { type: 'string', default: '10000' },
    large: { type: 'string', default: '1000000' },
    eta: { type: 'string', default: '100000' },
    name: { type: 'string', default: 'flat' },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) console.log(HELP)
else await run()

async function run(): Promise<void> {
  // A small queue is empty after a moment: the median of several counts.
  const smalls: number[] = []
  for (let round = 0; round < SMALL_ROUNDS; round += 1) smalls.push(await microsecondsPerTask(Number(options.small)))
  const small = median(smalls)
  const large = await microsecondsPerTask(Number(options.large))
  const report = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    microsecondsPerTask: { [options.small]: small, [options.large]: large },
    ratio: large / small,
    waiting: await memoryWhileWaiting(Number(options.eta)),
  }
  const file = join(import.meta.dirname, 'results', `${options.name}.json`)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`${JSON.stringify(report, null, 2)}\n${file}`)
}

async function microsecondsPerTask(tasks: number): Promise<number> {
  return withStore(async (generator, startWorker) => {
    await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: WARM_UP_TASKS + tasks })
    const worker = startWorker()
    try {
      const finish = generator.ask({ verb: 'finish', skip: WARM_UP_TASKS })
      const { firstMs, lastMs } = await Promise.race([finish, worker.lost])
      return ((lastMs - firstMs) * 1000) / tasks
    } finally {
      await worker.stop()
    }
  })
}

/** In MB: before, and with so many tasks that are due in an hour. */
async function memoryWhileWaiting(tasks: number): Promise<Record<string, number>> {
  return withStore(async (generator, startWorker) => {
    const worker = startWorker()
    try {
      await generator.ask({ verb: 'round-trips', tasks: 100 })
      const before = worker.memory().parent / 2 ** 20
      await generator.ask({ verb: 'enqueue-later', tasks, seconds: 3600 })
      // A call that is due now shows that the worker has looked at its queue since.
      await generator.ask({ verb: 'round-trips', tasks: 100 })
      return { tasks, megabytesBefore: before, megabytes: worker.memory().parent / 2 ** 20 }
    } finally {
      await worker.stop()
    }
  })
}

async function withStore<T>(
  measure: (generator: GeneratorProcess, startWorker: () => ReturnType<typeof startCeleriacWorker>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'celeriac-flat-'))
  const url = `sqlite:///${join(folder, 'bench.db')}`
  const env = { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url }
  const generator = await GeneratorProcess.start('celeriac', [], env)
  try {
    return await measure(generator, () => startCeleriacWorker('celeriac.ts', WORKER, { cwd: folder, env }))
  } finally {
    await generator.stop()
    rmSync(folder, { recursive: true })
  }
}
