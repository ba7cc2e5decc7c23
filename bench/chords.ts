/**
 * Chords: how soon a body begins after the last part, how fast chords are worked off beside as many plain tasks, what kills
 * leave behind, what a large group costs its caller. On a machine that does nothing else:
 * `npm run bench:chords -- --help`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureGroup } from './chords/group.ts'
import { measureKills } from './chords/kills.ts'
import { measureLatency } from './chords/latency.ts'
import { POOLS, STORES } from './chords/stage.ts'
import type { PoolName, StoreName } from './chords/stage.ts'
import { measureDrain } from './chords/throughput.ts'
import type { Drain } from './chords/throughput.ts'
import { describeMachine } from './support/machine.ts'
import { median } from './support/statistics.ts'

const HELP = `npm run bench:chords -- [options]
  --only PART   latency, drain, kills or group; may be given again (default: all)
  --store NAME  redis or sqlite; may be given again (default: both)
  --pool NAME   async or prefork, for latency and drain; may be given again (default: both)
  --tasks N     tasks of each drain (default 100000)
  --rounds N    how often each drain is measured; the median counts (default 3)
  --kills N     kills of workers (default 20)
  --chords N    chords of ten parts that are worked off meanwhile (default 1000)
  --name NAME   write bench/results/NAME.json (default: chords)`

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: ['latency', 'drain', 'kills', 'group'] },
    store: { type: 'string', multiple: true, default: [...STORES] },
    pool: { type: 'string', multiple: true, default: Object.keys(POOLS) },
    tasks: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    kills: { type: 'string', default: '20' },
    chords: { type: 'string', default: '1000' },
    name: { type: 'string', default: 'chords' },
    help: { type: 'boolean', default: false },
  },
})
const stores = options.store as StoreName[]
const pools = options.pool as PoolName[]

if (options.help) console.log(HELP)
else await run()

async function run(): Promise<void> {
  const report: Record<string, unknown> = { date: new Date().toISOString(), machine: describeMachine() }
  for (const part of options.only) {
    for (const store of stores) {
      if (part === 'latency' || part === 'drain') {
        for (const pool of pools) {
          note(
            report,
            `${part} ${store} ${pool}`,
            await (part === 'latency' ? latency(store, pool) : drain(store, pool)),
          )
        }
      } else if (part === 'kills') {
        note(report, `kills ${store}`, await measureKills(store, Number(options.chords), 10, Number(options.kills)))
      } else note(report, `group ${store}`, await measureGroup(store, 10_000))
    }
  }
  const file = join(import.meta.dirname, 'results', `${options.name}.json`)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  console.log(file)
}

function note(report: Record<string, unknown>, name: string, measured: unknown): void {
  console.log(name, JSON.stringify(measured))
  report[name] = measured
}

async function latency(store: StoreName, pool: PoolName): Promise<unknown> {
  return { parts: 1000, chords: 10, milliseconds: await measureLatency(store, pool, 1000, 10) }
}

/** In turns, so that what else the machine does meets all of them. */
async function drain(store: StoreName, pool: PoolName): Promise<unknown> {
  const tasks = Number(options.tasks)
  const loads = { plain: undefined, 'chords of 9': 9, 'chords of 999': 999 }
  const measured: Record<string, Drain[]> = {}
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const [name, parts] of Object.entries(loads)) {
      ;(measured[name] ??= []).push(await measureDrain(store, pool, { tasks, parts }))
    }
  }
  return Object.fromEntries(
    Object.entries(measured).map(([name, drains]) => [
      name,
      {
        perSecond: Math.round(median(drains.map(({ perSecond }) => perSecond))),
        processorMicroseconds: Math.round(median(drains.map((drained) => drained.processorMicroseconds))),
      },
    ]),
  )
}
