/** Who works over RabbitMQ: celeriac without results and with results in Redis, and the bare client that is the limit. */
import { join } from 'node:path'
import { measureRawRabbitmq } from '../raw-rabbitmq.ts'
import { bare } from '../support/table.ts'
import type { Row } from '../support/table.ts'
import { startCeleriacWorker } from '../support/worker-process.ts'
import { CONCURRENCY, required } from './contestant.ts'
import type { Contestant, Place, Plan, Subject } from './contestant.ts'
import { counts, isFarAway } from './distance.ts'
import { drains, enqueues } from './measures.ts'

const MANY = `-P async -c ${String(CONCURRENCY)}`

const withoutResults: Subject = {
  ...celeriac('celeriac rabbitmq, no results', MANY, withoutResultsIn),
  needs: ['rabbitmq'],
  keepsResults: false,
  generator: (place) => ({ args: ['celeriac-without-results'], env: withoutResultsIn(place) }),
}
const withRedis = celeriac('celeriac rabbitmq + redis', MANY, withRedisIn)

export const RABBITMQ: readonly Contestant[] = [
  { name: bare('rabbitmq'), needs: ['rabbitmq'], measure: measureRaw },
  enqueues(withoutResults),
  drains(withoutResults),
  drains(withRedis),
  drains(celeriac('celeriac rabbitmq + redis', '-P prefork -c 2', withRedisIn)),
  ...[withoutResults, withRedis].flatMap((subject) => [isFarAway(subject), counts(subject)]),
]

async function measureRaw(plan: Plan): Promise<Row[]> {
  const { port } = required(plan, 'rabbitmq')
  const { eachPerSecond, bulkPerSecond, drainPerSecond } = await measureRawRabbitmq(port, plan.tasks)
  const facts = { system: bare('rabbitmq'), broker: 'rabbitmq', unit: 'tasks/s' } as const
  return [
    { measure: 'enqueue, one by one', value: eachPerSecond, ...facts },
    { measure: 'enqueue, bulk', value: bulkPerSecond, ...facts },
    { measure: 'drain', value: drainPerSecond, ...facts },
  ]
}

/** `options` are those of `celeriac worker`. */
function celeriac(client: string, options: string, envOf: (place: Place) => Record<string, string>): Subject {
  return {
    name: `${client}, ${options}`,
    client,
    broker: 'rabbitmq',
    needs: ['rabbitmq', 'redis'],
    keepsResults: true,
    generator: (place) => ({ args: ['celeriac'], env: envOf(place) }),
    startWorker: (place) =>
      startCeleriacWorker('celeriac.ts', options.split(' '), { cwd: place.folder, env: envOf(place) }),
  }
}

function withRedisIn(place: Place): Record<string, string> {
  return {
    CELERY_BROKER_URL: brokerIn(place),
    CELERY_RESULT_BACKEND: `redis://127.0.0.1:${String(place.ports.redis)}/0`,
  }
}

/** Two calls have results, which tell the times. */
function withoutResultsIn(place: Place): Record<string, string> {
  return { CELERY_BROKER_URL: brokerIn(place), CELERY_RESULT_BACKEND: `sqlite:///${join(place.folder, 'bench.db')}` }
}

function brokerIn({ ports }: Place): string {
  return `amqp://guest:guest@127.0.0.1:${String(ports.rabbitmq)}//`
}
