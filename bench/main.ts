/**
 * The bench: celeriac on its embedded store beside BullMQ on Redis and beside a bare SQLite loop, on this machine, in
 * this run, with the same number of tasks. Workers and load generators are processes of their own; both sides keep all
 * results. Run it by hand, on a machine that does nothing else: `npm run bench -- --help`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CONTESTANTS } from './contestants.ts'
import type { Contestant, Plan } from './contestants.ts'
import { describeMachine } from './support/machine.ts'
import { startRedisServer } from './support/redis-server.ts'
import { median } from './support/statistics.ts'
import { compare, formatTable } from './support/table.ts'
import type { Row } from './support/table.ts'

const HELP = `npm run bench -- [options]
  --tasks N     tasks of each measurement (default 100000)
  --rounds N    how often all is measured; the median counts (default 3)
  --only TEXT   only systems whose name contains TEXT, such as prefork, BullMQ or memory; may be given again
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
  const redis = await startRedisServer(folder)
  if (redis === undefined) console.warn('redis-server is not installed: BullMQ is left out.')
  const plan: Plan = { folder, redis, tasks, roundTrips: Math.min(2_000, tasks) }
  try {
    const wanted = CONTESTANTS.filter((contestant) => isWanted(contestant, plan))
    const measured: Row[] = []
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, measure } of wanted) {
        console.error(`round ${String(round)} of ${String(rounds)}: ${name}`)
        measured.push(...(await measure(plan)))
      }
    }
    const rows = compare(medians(measured))
    const report = { date: new Date().toISOString(), machine, tasks, rounds, rows }
    const file = join(import.meta.dirname, 'results', `${options.name}.json`)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
    console.log(`${formatTable(rows)}\n\n${JSON.stringify(machine)}\n${file}`)
  } finally {
    await redis?.stop()
    rmSync(folder, { recursive: true })
  }
}

function isWanted(contestant: Contestant, plan: Plan): boolean {
  if (contestant.needsRedis && plan.redis === undefined) return false
  return options.only.length === 0 || options.only.some((text) => contestant.name.includes(text))
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
