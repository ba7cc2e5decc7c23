/** celeriac on its embedded stores, and the limit of an SQLite file. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { measureRawSqlite } from '../raw-sqlite.ts'
import { bare } from '../support/table.ts'
import { startCeleriacWorker } from '../support/worker-process.ts'
import { CONCURRENCY } from './contestant.ts'
import type { Contestant, Place, Plan, Subject } from './contestant.ts'
import { drains, enqueues, measureWork, withGenerator } from './measures.ts'
import type { Row } from '../support/table.ts'

export const EMBEDDED: readonly Contestant[] = [
  { name: bare('sqlite'), needs: [], measure: measureRaw },
  enqueues(sqlite('-P solo')),
  drains(sqlite(`-P async -c ${String(CONCURRENCY)}`)),
  drains(sqlite('-P prefork -c 2')),
  drains(sqlite('-P solo')),
  memoryPool('async', CONCURRENCY),
  memoryPool('solo', 1),
]

async function measureRaw(plan: Plan): Promise<Row[]> {
  const folder = mkdtempSync(join(plan.folder, 'round-'))
  const { eachPerSecond, bulkPerSecond, drainPerSecond } = await measureRawSqlite(folder, plan.tasks)
  const facts = { system: bare('sqlite'), broker: 'sqlite', unit: 'tasks/s' } as const
  return [
    { measure: 'enqueue, one by one', value: eachPerSecond, ...facts },
    { measure: 'enqueue, bulk', value: bulkPerSecond, ...facts },
    { measure: 'drain', value: drainPerSecond, ...facts },
  ]
}

/** `options` are those of `celeriac worker`. */
function sqlite(options: string): Subject {
  const envOf = ({ folder }: Place): Record<string, string> => {
    const url = `sqlite:///${join(folder, 'bench.db')}`
    return { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url }
  }
  return {
    name: `celeriac sqlite, ${options}`,
    client: 'celeriac sqlite',
    broker: 'sqlite',
    needs: [],
    keepsResults: true,
    generator: (place) => ({ args: ['celeriac'], env: envOf(place) }),
    startWorker: (place) =>
      startCeleriacWorker('celeriac.ts', options.split(' '), { cwd: place.folder, env: envOf(place) }),
  }
}

/** Queues in memory are for one process: here generator and worker share it, and compete for its one thread. */
function memoryPool(pool: string, concurrency: number): Contestant {
  const name = `celeriac memory, ${pool} ${String(concurrency)}`
  const env = { CELERY_BROKER_URL: 'memory://', CELERY_RESULT_BACKEND: 'memory://' }
  return {
    name,
    needs: [],
    measure: (plan) =>
      withGenerator({ args: ['celeriac'], env }, async (generator) => {
        await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: plan.tasks })
        await generator.ask({ verb: 'start-worker', pool, concurrency })
        return measureWork({ name, broker: 'memory', keepsResults: true }, plan, generator)
      }),
  }
}
