/**
 * The bench: celeriac on its embedded store, on Redis and on RabbitMQ, beside BullMQ, Python Celery and bare loops over
 * the same stores, on this machine, in this run, with the same number of tasks. Workers and load generators are processes
 * of their own; all sides keep all results, but for those that are named otherwise. Run it by hand, on a machine that does
 * nothing else: `npm run bench -- --help`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CONTESTANTS } from './contestants.ts'
import type { Contestant, Plan, Servers } from './contestants/contestant.ts'
import { describeMachine } from './support/machine.ts'
import { findPython } from './support/python.ts'
import { startRabbitmqServer } from './support/rabbitmq-server.ts'
import { startRedisServer } from './support/redis-server.ts'
import { median } from './support/statistics.ts'
import { compare, formatTable } from './support/table.ts'
import type { Row } from './support/table.ts'

const HELP = `npm run bench -- [options]
  --tasks N     tasks of each measurement (default 100000)
  --rounds N    how often all is measured; the median counts (default 3)
  --only TEXT   only systems whose name contains TEXT, such as prefork, redis, "2 ms away" or counted; may be given again
  --quick       10000 tasks, one round
  --name NAME   write bench/results/NAME.json (default: the date)`

const { values: options } = parseArgs({
  options: {
    tasks: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    name: { type: 'string', default: new Date().toISOString().slice(0, 19).replaceAll(':', '-') },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) console.log(HELP)
else await run()

async function run(): Promise<void> {
  const machine = describeMachine()
  const tasks = Number(options.tasks ?? (options.quick ? 10_000 : 100_000))
  const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))
  const folder = mkdtempSync(join(tmpdir(), 'celeriac-bench-'))
  const wanted = CONTESTANTS.filter(isWanted)
  const servers = await startServers(wanted, folder)
  try {
    const able = wanted.filter(({ needs }) => needs.every((need) => servers[need] !== undefined))
    const measured = await measureAll(able, { folder, servers, tasks, roundTrips: Math.min(2_000, tasks) }, rounds)
    const rows = compare(medians(measured))
    const report = { date: new Date().toISOString(), machine, tasks, rounds, rows }
    const file = join(import.meta.dirname, 'results', `${options.name}.json`)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
    console.log(`${formatTable(rows)}\n\n${JSON.stringify(machine)}\n${file}`)
  } finally {
    await Promise.all([servers.redis?.stop(), servers.rabbitmq?.stop()])
    rmSync(folder, { recursive: true })
  }
}

async function measureAll(contestants: readonly Contestant[], plan: Plan, rounds: number): Promise<Row[]> {
  const measured: Row[] = []
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, measure } of contestants) {
      console.error(`round ${String(round)} of ${String(rounds)}: ${name}`)
      measured.push(...(await measure(plan)))
    }
  }
  return measured
}

/** Those that somebody needs and this machine has; the others are named. */
async function startServers(contestants: readonly Contestant[], folder: string): Promise<Partial<Servers>> {
  const needed = new Set(contestants.flatMap(({ needs }) => needs))
  const [redis, rabbitmq, python] = await Promise.all([
    needed.has('redis') ? startRedisServer(folder) : undefined,
    needed.has('rabbitmq') ? startRabbitmqServer(folder) : undefined,
    needed.has('python') ? findPython() : undefined,
  ])
  const servers = { redis, rabbitmq, python }
  const packages = { redis: 'redis-server', rabbitmq: 'rabbitmq-server', python: 'python3-celery with python3-redis' }
  for (const need of needed) {
    if (servers[need] === undefined) console.warn(`${packages[need]} is not installed: who needs it is left out.`)
  }
  return servers
}

function isWanted({ name }: Contestant): boolean {
  const wishes = options.only.map((text) => text.toLowerCase())
  return wishes.length === 0 || wishes.some((text) => name.toLowerCase().includes(text))
}

/** One row for each measure and system, sorted by measure in the order in which they first came. */
function medians(measured: readonly Row[]): Row[] {
  const rows = new Map<string, Row[]>()
  for (const row of measured) {
    const key = `${row.measure}\n${row.system}`
    rows.set(key, [...(rows.get(key) ?? []), row])
  }
  const measures = [...new Set(measured.map(({ measure }) => measure))]
  return [...rows.values()]
    .flatMap((same) => same.slice(0, 1).map((row) => ({ ...row, value: median(same.map(({ value }) => value)) })))
    .sort((one, other) => measures.indexOf(one.measure) - measures.indexOf(other.measure))
}
