/** What is measured, and how: the same steps for all systems. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { GeneratorProcess } from '../support/generator-process.ts'
import { percentile } from '../support/statistics.ts'
import type { Row } from '../support/table.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import type { Contestant, GeneratorStart, Place, Plan, Subject } from './contestant.ts'

/** How much of one measurement is done. */
export interface Amount {
  readonly tasks: number
  readonly roundTrips: number
}

/** Enqueueing, while nobody takes from the queue. */
export function enqueues(subject: Subject): Contestant {
  return {
    name: `${subject.client}, enqueue`,
    needs: subject.needs,
    measure: (plan) =>
      onEmptyServers(plan, (place) =>
        withGenerator(subject.generator(place), (generator) =>
          measureEnqueue(subject, amountFor(subject, plan), generator),
        ),
      ),
  }
}

/** Draining a full queue, and calls on the idle worker afterwards. */
export function drains(subject: Subject): Contestant {
  return {
    name: subject.name,
    needs: subject.needs,
    measure: (plan) =>
      onEmptyServers(plan, (place) =>
        withGenerator(subject.generator(place), (generator) =>
          measureWorker(subject, amountFor(subject, plan), generator, () => subject.startWorker(place)),
        ),
      ),
  }
}

/** Whoever leaves messages in RabbitMQ purges them; Redis is emptied here. */
export async function onEmptyServers(plan: Plan, measure: (place: Place) => Promise<Row[]>): Promise<Row[]> {
  const { redis, rabbitmq, python } = plan.servers
  await redis?.flush()
  const rows = await measure({
    folder: mkdtempSync(join(plan.folder, 'round-')),
    ports: { redis: redis?.port ?? NaN, rabbitmq: rabbitmq?.port ?? NaN },
    python: python ?? '',
  })
  await redis?.flush()
  return rows
}

export async function withGenerator<T>(
  { args: [kind, ...args], env = {} }: GeneratorStart,
  measure: (generator: GeneratorProcess) => Promise<T>,
): Promise<T> {
  const generator = await GeneratorProcess.start(kind, args, env)
  try {
    return await measure(generator)
  } finally {
    await generator.stop()
  }
}

export function amountFor({ mostTasks = Infinity }: Subject, { tasks, roundTrips }: Plan): Amount {
  return { tasks: Math.min(tasks, mostTasks), roundTrips }
}

/** Nobody takes from the queue meanwhile. `suffix` is added to what is measured. */
export async function measureEnqueue(
  { client: system, broker }: Pick<Subject, 'client' | 'broker'>,
  { tasks }: Pick<Amount, 'tasks'>,
  generator: GeneratorProcess,
  suffix = '',
): Promise<Row[]> {
  const rows: Row[] = []
  for (const [how, measure, count] of [
    ['each', 'enqueue, one by one', Math.ceil(tasks / 10)],
    ['parallel', 'enqueue, 1,000 in parallel', tasks],
    ['bulk', 'enqueue, bulk', tasks],
  ] as const) {
    const { seconds } = await generator.ask({ verb: 'enqueue', how, tasks: count })
    rows.push({ measure: measure + suffix, system, broker, value: count / seconds, unit: 'tasks/s' })
    await generator.ask({ verb: 'purge' })
  }
  return rows
}

/** First all tasks are enqueued, then the worker starts. */
async function measureWorker(
  subject: Subject,
  amount: Amount,
  generator: GeneratorProcess,
  startWorker: () => WorkerProcess,
): Promise<Row[]> {
  await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: amount.tasks })
  const worker = startWorker()
  try {
    const rows = await Promise.race([measureWork(subject, amount, generator), worker.lost])
    const { parent, children } = worker.memory()
    const { name: system, broker } = subject
    const value = (parent + children) / 2 ** 20
    return [...rows, { measure: 'worker memory after it', system, broker, value, unit: 'MB' }]
  } finally {
    await worker.stop()
  }
}

/** From the first result to the last, so that starting does not count; then calls on an idle worker, one at a time. */
export async function measureWork(
  { name: system, broker, keepsResults }: Pick<Subject, 'name' | 'broker' | 'keepsResults'>,
  { tasks, roundTrips }: Amount,
  generator: GeneratorProcess,
  suffix = '',
): Promise<Row[]> {
  const { count, firstMs, lastMs } = await generator.ask({ verb: 'finish', skip: 0 })
  if (count !== tasks) throw new Error(`${system}: ${String(count)} results for ${String(tasks)} tasks`)
  const drained = count / ((lastMs - firstMs) / 1000)
  const drain: Row = { measure: `drain${suffix}`, system, broker, value: drained, unit: 'tasks/s' }
  if (!keepsResults) return [drain]
  // As many again come first and do not count: meanwhile the compilers of both sides are not done with any of the systems.
  await generator.ask({ verb: 'round-trips', tasks: roundTrips })
  const { milliseconds } = await generator.ask({ verb: 'round-trips', tasks: roundTrips })
  const [p50, p99] = [percentile(milliseconds, 0.5), percentile(milliseconds, 0.99)]
  return [
    drain,
    { measure: `round trip p50${suffix}`, system, broker, value: p50, unit: 'ms' },
    { measure: `round trip p99${suffix}`, system, broker, value: p99, unit: 'ms' },
  ]
}
