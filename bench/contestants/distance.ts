/**
 * What the network between a system and its servers changes: how much goes over it for a task, and how fast the system is
 * when each packet needs some milliseconds each way.
 */
import { setTimeout } from 'node:timers/promises'
import type { GeneratorProcess } from '../support/generator-process.ts'
import type { Counts } from '../support/counts.ts'
import type { Row } from '../support/table.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import type { Contestant, Plan, Subject } from './contestant.ts'
import { measureEnqueue, measureWork, onEmptyServers, withGenerator } from './measures.ts'
import { betweenProxies } from './proxied.ts'
import type { Sides } from './proxied.ts'

const DELAY_MS = 2
const AWAY = `, ${String(DELAY_MS)} ms away`
const MOST_TASKS = 20_000
const MOST_ROUND_TRIPS = 200
const IDLE_SECONDS = 5

/** Enqueueing, draining and calls, with client and worker so far from their servers. */
export function isFarAway(subject: Subject): Contestant {
  const measure = (plan: Plan, { client, worker }: Sides): Promise<Row[]> => {
    const amount = { tasks: tasksFor(plan), roundTrips: Math.min(plan.roundTrips, MOST_ROUND_TRIPS) }
    return withGenerator(subject.generator(client.place), async (generator) => {
      // Where each call is awaited, each takes milliseconds.
      const each = { tasks: Math.ceil(amount.tasks / 10) }
      const enqueued = await measureEnqueue(subject, each, generator, AWAY)
      await generator.ask({ verb: 'enqueue', how: 'bulk', tasks: amount.tasks })
      const work = (): Promise<Row[]> => measureWork(subject, amount, generator, AWAY)
      return [...enqueued, ...(await withWorker(subject.startWorker(worker.place), work))]
    })
  }
  return onProxies(`${subject.name}${AWAY}`, subject, DELAY_MS, measure)
}

/** Commands, round trips, packets and bytes a task; how much an idle worker asks; what a task costs a warm worker. */
export function counts(subject: Subject): Contestant {
  return onProxies(`${subject.name}, counted`, subject, 0, (plan, sides) =>
    withGenerator(subject.generator(sides.client.place), (generator) => measureCounts(subject, plan, sides, generator)),
  )
}

async function measureCounts(
  subject: Subject,
  plan: Plan,
  { client, worker: side }: Sides,
  generator: GeneratorProcess,
): Promise<Row[]> {
  const tasks = tasksFor(plan)
  const { name: system, broker } = subject
  const bulk = await client.countWhile(() => generator.ask({ verb: 'enqueue', how: 'bulk', tasks }))
  const worker = subject.startWorker(side.place)
  return withWorker(worker, async () => {
    const drain = await side.countWhile(() => generator.ask({ verb: 'finish', skip: 0 }))
    const idle = await side.countWhile(() => setTimeout(IDLE_SECONDS * 1000))
    const secondsBefore = worker.processorSeconds()
    await generator.ask({ verb: 'enqueue', how: 'bulk', tasks })
    await generator.ask({ verb: 'finish', skip: 0 })
    const microseconds = (worker.processorSeconds() - secondsBefore) * 1e6
    const facts = { system, broker }
    return [
      ...rowsOf('enqueue, bulk', { system: subject.client, broker }, bulk, tasks),
      ...rowsOf('drain', facts, drain, tasks),
      { measure: 'drain: processor time of the worker', value: microseconds / tasks, unit: 'µs/task', ...facts },
      { measure: 'idle worker: commands', value: idle.commands / IDLE_SECONDS, unit: '/s', ...facts },
    ]
  })
}

function rowsOf(what: string, facts: Pick<Row, 'system' | 'broker'>, counted: Counts, tasks: number): Row[] {
  const names: Record<keyof Counts, string> = {
    commands: 'commands sent',
    roundTrips: 'round trips',
    packetsSent: 'packets sent',
    packetsReceived: 'packets received',
    bytesSent: 'bytes sent',
    bytesReceived: 'bytes received',
  }
  return Object.entries(names).map(([key, name]) => ({
    measure: `${what}: ${name}`,
    ...facts,
    value: counted[key as keyof Counts] / tasks,
    unit: '/task',
  }))
}

function onProxies(
  name: string,
  { needs }: Subject,
  delayMs: number,
  measure: (plan: Plan, sides: Sides) => Promise<Row[]>,
): Contestant {
  return {
    name,
    needs,
    measure: (plan) => onEmptyServers(plan, (place) => betweenProxies(place, delayMs, (sides) => measure(plan, sides))),
  }
}

async function withWorker<T>(worker: WorkerProcess, measure: () => Promise<T>): Promise<T> {
  try {
    return await Promise.race([measure(), worker.lost])
  } finally {
    await worker.stop()
  }
}

function tasksFor({ tasks }: Plan): number {
  return Math.min(tasks, MOST_TASKS)
}
