/** Who works over Redis: celeriac, BullMQ, Python Celery, and the bare loop that is the limit of all who use Celery's keys. */
import { measureRawRedis } from '../raw-redis.ts'
import { BULLMQ, PYTHON, bare } from '../support/table.ts'
import type { Row } from '../support/table.ts'
import { startBullmqWorker, startCeleriacWorker, startPythonWorker } from '../support/worker-process.ts'
import { CONCURRENCY, required } from './contestant.ts'
import type { Contestant, Place, Plan, Subject } from './contestant.ts'
import { counts, isFarAway } from './distance.ts'
import { drains, enqueues } from './measures.ts'

const QUEUE = 'bench'

const bullmq: Subject = {
  name: BULLMQ,
  client: BULLMQ,
  broker: 'redis',
  needs: ['redis'],
  keepsResults: true,
  generator: ({ ports }) => ({ args: ['bullmq', String(ports.redis), QUEUE] }),
  startWorker: ({ ports, folder }) =>
    startBullmqWorker([String(ports.redis), QUEUE, String(CONCURRENCY)], { cwd: folder }),
}

const many = celeriac(`-P async -c ${String(CONCURRENCY)}`)

export const REDIS: readonly Contestant[] = [
  { name: bare('redis'), needs: ['redis'], measure: measureRaw },
  enqueues(bullmq),
  drains(bullmq),
  enqueues(many),
  drains(many),
  drains(celeriac(`-P async -c ${String(CONCURRENCY)} -E`)),
  drains(celeriac('-P prefork -c 2')),
  drains(python(PYTHON, '-P prefork -c 2')),
  drains(python('Python Celery redis, -P solo', '-P solo')),
  ...[bullmq, many].flatMap((subject) => [isFarAway(subject), counts(subject)]),
]

async function measureRaw(plan: Plan): Promise<Row[]> {
  const redis = required(plan, 'redis')
  await redis.flush()
  const { eachPerSecond, bulkPerSecond, drainPerSecond } = await measureRawRedis(redis.port, plan.tasks)
  await redis.flush()
  const facts = { system: bare('redis'), broker: 'redis', unit: 'tasks/s' } as const
  return [
    { measure: 'enqueue, one by one', value: eachPerSecond, ...facts },
    { measure: 'enqueue, bulk', value: bulkPerSecond, ...facts },
    { measure: 'drain', value: drainPerSecond, ...facts },
  ]
}

/** `options` are those of `celeriac worker`. */
function celeriac(options: string): Subject {
  return {
    name: `celeriac redis, ${options}`,
    client: 'celeriac redis',
    broker: 'redis',
    needs: ['redis'],
    keepsResults: true,
    generator: (place) => ({ args: ['celeriac'], env: redisIn(place) }),
    startWorker: (place) =>
      startCeleriacWorker('celeriac.ts', options.split(' '), { cwd: place.folder, env: redisIn(place) }),
  }
}

/** celeriac calls, Python works: a Python client would need longer to fill the queue, and its worker cannot tell. */
function python(name: string, options: string): Subject {
  return {
    ...celeriac(options),
    name,
    needs: ['redis', 'python'],
    mostTasks: 10_000,
    startWorker: (place) =>
      startPythonWorker(place.python, options.split(' '), { cwd: place.folder, env: redisIn(place) }),
  }
}

function redisIn({ ports }: Place): Record<string, string> {
  const url = `redis://127.0.0.1:${String(ports.redis)}/0`
  return { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url }
}
