/** What takes part in the bench, and what each needs of this machine. */
import type { RabbitmqServer } from '../support/rabbitmq-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import type { Broker, Row } from '../support/table.ts'
import type { WorkerProcess } from '../support/worker-process.ts'

/** Tasks that run at the same time, wherever one process runs many. */
export const CONCURRENCY = 100

/** What a machine may lack; contestants that need it are left out then. */
export interface Servers {
  readonly redis: RedisServer
  readonly rabbitmq: RabbitmqServer
  /** The Python that has Celery. */
  readonly python: string
}

/** What all measure alike. */
export interface Plan {
  /** For files that go when the bench ends. */
  readonly folder: string
  readonly servers: Partial<Servers>
  readonly tasks: number
  readonly roundTrips: number
}

export interface Contestant {
  readonly name: string
  readonly needs: readonly (keyof Servers)[]
  readonly measure: (plan: Plan) => Promise<Row[]>
}

/** Where a system finds its servers: themselves, or proxies before them. */
export interface Place {
  /** An empty folder of its own. */
  readonly folder: string
  readonly ports: { readonly redis: number; readonly rabbitmq: number }
  readonly python: string
}

/** How the load generator of a system is started. */
export interface GeneratorStart {
  readonly args: readonly [kind: string, ...args: string[]]
  readonly env?: Readonly<Record<string, string>>
}

/** A system with a load generator and a worker, as processes of their own. */
export interface Subject {
  /** With what distinguishes its worker, such as `celeriac redis, -P prefork -c 2`. */
  readonly name: string
  /** The same without a worker: the name in measurements of enqueueing. */
  readonly client: string
  readonly broker: Broker
  readonly needs: readonly (keyof Servers)[]
  /** False: only the first and the last task have a result, in an SQLite file, so that their times are known. */
  readonly keepsResults: boolean
  /** Of a system that is so much slower fewer tasks tell as much. */
  readonly mostTasks?: number
  readonly generator: (place: Place) => GeneratorStart
  readonly startWorker: (place: Place) => WorkerProcess
}

/** Throws when the server is not there: `needs` did not name it. */
export function required<K extends keyof Servers>(plan: Plan, name: K): Servers[K] {
  const server: Servers[K] | undefined = plan.servers[name]
  if (server === undefined) throw new Error(`This contestant does not say that it needs ${name}`)
  return server
}
