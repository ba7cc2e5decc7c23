/**
 * What a kill leaves behind: two workers drain 100,000 tasks from one SQLite file while each of them is killed ten times
 * at random moments, parent and children together, with SIGKILL, and started again. Once with late acknowledgement,
 * where every task must end with a result, and once with early, where only tasks that were running may be lost.
 * Takes some minutes: `npm run bench:durability -- --help`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { AsyncResult } from 'celeriac'
import { readJournals } from './support/journal.ts'
import type { Runs } from './support/journal.ts'
import { describeMachine } from './support/machine.ts'
import { percentile } from './support/statistics.ts'
import { startCeleriacWorker } from './support/worker-process.ts'

const HELP = `npm run bench:durability -- [options]
  --tasks N   tasks of each round (default 100000)
  --kills N   how often each worker is killed (default 10)
  --name NAME write bench/results/NAME.json (default: durability)`

const WORKERS = 2
const CONCURRENCY = 4
const BATCH = 1_000
/** A worker lives so long, in milliseconds, before it is killed. */
const SHORTEST_LIFE_MS = 500
const LONGEST_LIFE_MS = 5_000
/** Much longer than it takes to notice that a worker has died: when nothing changed for so long, nothing will. */
const QUIET_MS = 20_000

const { values: options } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '10' },
    name: { type: 'string', default: 'durability' },
    help: { type: 'boolean', default: false },
  },
})
const tasks = Number(options.tasks)
const kills = Number(options.kills)

if (options.help) console.log(HELP)
else await run()

async function run(): Promise<void> {
  const report = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    tasks,
    workers: WORKERS,
    killsOfEach: kills,
    late: await round('late'),
    early: await round('early'),
  }
  const file = join(import.meta.dirname, 'results', `${options.name}.json`)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`${JSON.stringify(report, null, 2)}\n${file}`)
  const kept = report.late.lost.all === 0 && report.early.lost.all <= kills * WORKERS * CONCURRENCY
  if (!kept) process.exitCode = 1
}

interface Round {
  readonly seconds: number
  /** Runs that a kill cut, as their journals tell. */
  readonly cut: number
  /** Tasks without a result at the end. */
  readonly lost: {
    readonly all: number
    /** Of these: acknowledged for a child that had not called the function yet. */
    readonly beforeStart: number
    /** Of these: cut while they ran. */
    readonly whileRunning: number
    /** Of these: ended, and killed before the result was stored. */
    readonly beforeResult: number
  }
  /** Tasks that started more than once. */
  readonly startedAgain: number
  /** Tasks that came to their end more than once: killed between the end and its acknowledgement. */
  readonly endedAgain: number
  /** From the kill to the next start of a task that was cut, in seconds. */
  readonly untilStartedAgain: { readonly p50: number; readonly max: number }
}

async function round(name: 'late' | 'early'): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), 'celeriac-durability-'))
  const url = `sqlite:///${join(folder, 'bench.db')}`
  const env = { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url, CELERIAC_BENCH_JOURNAL: folder }
  Object.assign(process.env, env)
  const { Celery } = await import('celeriac')
  const app = new Celery('durability')
  try {
    const startedMs = performance.now()
    const results: AsyncResult[] = []
    for (let sent = 0; sent < tasks; sent += BATCH) {
      const calls = Array.from({ length: BATCH }, (_, index) => ({ name: `durability.${name}`, args: [sent + index] }))
      results.push(...(await app.sendTasks(calls)))
    }
    const lives = await Promise.all(Array.from({ length: WORKERS }, () => liveAndDie(folder, env)))
    const lost = await Promise.race([findLost(results), ...lives.map(({ worker }) => worker.lost)])
    const seconds = (performance.now() - startedMs) / 1000
    await Promise.all(lives.map(({ worker }) => worker.stop()))
    const killTimes = lives.flatMap((life) => life.killTimes).sort((one, other) => one - other)
    return { seconds, ...judge(readJournals(folder), killTimes, lost) }
  } finally {
    await app.close()
    rmSync(folder, { recursive: true })
  }
}

/** Killed and started again so often; the last one lives on. */
async function liveAndDie(
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<{ worker: ReturnType<typeof startCeleriacWorker>; killTimes: number[] }> {
  const start = (): ReturnType<typeof startCeleriacWorker> =>
    startCeleriacWorker('durability.ts', ['-P', 'prefork', '-c', String(CONCURRENCY)], { cwd, env })
  const killTimes: number[] = []
  let worker = start()
  while (killTimes.length < kills) {
    await setTimeout(SHORTEST_LIFE_MS + Math.random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS))
    killTimes.push(Date.now())
    await worker.kill()
    worker = start()
  }
  return { worker, killTimes }
}

/** Wait until all have ended, or none has for a long time. Answers the numbers of those that have not. */
async function findLost(results: readonly AsyncResult[]): Promise<number[]> {
  let waiting = results.map((result, number) => ({ result, number }))
  let changedMs = performance.now()
  while (waiting.length > 0 && performance.now() - changedMs < QUIET_MS) {
    const still: typeof waiting = []
    for (const one of waiting) if ((await one.result.state()) !== 'SUCCESS') still.push(one)
    if (still.length < waiting.length) changedMs = performance.now()
    waiting = still
    await setTimeout(500)
  }
  return waiting.map(({ number }) => number)
}

function judge(
  runs: ReadonlyMap<number, Runs>,
  killTimes: readonly number[],
  lost: readonly number[],
): Omit<Round, 'seconds'> {
  const all = [...runs.values()]
  const again = all.filter(({ starts }) => starts.length > 1)
  const waits = again.flatMap(({ starts }) =>
    starts.slice(1).map((start) => (start - (killTimes.findLast((kill) => kill < start) ?? start)) / 1000),
  )
  const ended = lost.filter((number) => (runs.get(number)?.ends.length ?? 0) > 0).length
  const started = lost.filter((number) => runs.has(number)).length
  return {
    cut: all.reduce((sum, { starts, ends }) => sum + starts.length - ends.length, 0),
    lost: {
      all: lost.length,
      beforeStart: lost.length - started,
      whileRunning: started - ended,
      beforeResult: ended,
    },
    startedAgain: again.length,
    endedAgain: all.filter(({ ends }) => ends.length > 1).length,
    untilStartedAgain: { p50: waits.length === 0 ? 0 : percentile(waits, 0.5), max: Math.max(0, ...waits) },
  }
}
