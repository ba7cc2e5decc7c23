/**
 * What faults leave behind: 20,000 tasks are sent, worked by two workers and waited for, while at random moments a worker
 * is killed, the server is killed and started again, and connections are cut at some byte, refused, or go silent. Every
 * task that was accepted must run, and every waiter get its answer; what ran twice is counted, and what is left in the
 * server when the connections that went silent have ended and a last worker has looked after what the dead had. Takes
 * some minutes: `npm run bench:faults -- --help`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { AsyncResult } from 'celeriac'
import { Redis } from 'ioredis'
import { startFaultProxy } from '../test/support/fault-proxy.ts'
import type { FaultProxy } from '../test/support/fault-proxy.ts'
import { startBreakableRabbitmq, startBreakableRedis } from './support/breakable-server.ts'
import type { BreakableServer } from './support/breakable-server.ts'
import { readJournals } from './support/journal.ts'
import { describeMachine } from './support/machine.ts'
import { startCeleriacWorker } from './support/worker-process.ts'
import type { WorkerProcess } from './support/worker-process.ts'

const HELP = `npm run bench:faults -- [options]
  --broker NAME redis or rabbitmq (default: both, one after the other)
  --tasks N     tasks of each round (default 20000)
  --rounds N    rounds of each broker (default 3)
  --faults N    faults in each round (default 20)
  --only FAULT  no other fault: worker, cut, cut up, cut down, refuse, silence, server
  --log LEVEL   of what the workers log (default CRITICAL)
  --name NAME   write bench/results/NAME.json (default: faults)`

const BATCH = 100
const WORKERS = 2
const LONGEST_WAIT_MS = 1500
/** For so long an owner of messages in Redis is missed before what it had is given back, in seconds. */
const LEASE = 5
/**
 * A waiter that has no answer after so many seconds has been forgotten. A connection for results that went silent is given
 * up after 120 (redisSocketTimeout), and until then whoever stores by it waits.
 */
const PATIENCE = 180

/** One of these at a time; those that are named twice come twice as often. */
const FAULTS = ['worker', 'cut', 'cut', 'cut up', 'cut down', 'refuse', 'silence', 'server'] as const
type Fault = (typeof FAULTS)[number]

type BrokerName = 'redis' | 'rabbitmq'

const { values: options } = parseArgs({
  options: {
    broker: { type: 'string' },
    tasks: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    faults: { type: 'string', default: '20' },
    only: { type: 'string' },
    log: { type: 'string', default: 'CRITICAL' },
    name: { type: 'string', default: 'faults' },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) console.log(HELP)
else await run()

async function run(): Promise<void> {
  const brokers: BrokerName[] = options.broker === undefined ? ['redis', 'rabbitmq'] : [options.broker as BrokerName]
  const rounds: (Round & { broker: BrokerName })[] = []
  for (const broker of brokers) {
    for (let number = 0; number < Number(options.rounds); number += 1) {
      const round = { broker, ...(await playRound(broker)) }
      console.log(JSON.stringify(round))
      rounds.push(round)
    }
  }
  const report = { date: new Date().toISOString(), machine: describeMachine(), workers: WORKERS, rounds }
  const file = join(import.meta.dirname, 'results', `${options.name}.json`)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  console.log(file)
  if (rounds.some((round) => round.lost > 0 || round.strays.length > 0)) process.exitCode = 1
  process.exit()
}

interface Round {
  readonly seconds: number
  /** How often each fault was made. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>
  /** Calls that resolved, and calls that said that they could not be made. */
  readonly accepted: number
  readonly refused: number
  /** Accepted, and never ran to its end. */
  readonly lost: number
  /** Waiters that got the result, and those that were told why not, by the reason. */
  readonly answered: number
  readonly told: Readonly<Partial<Record<string, number>>>
  /** Ran to the end more than once. */
  readonly twice: number
  /** What is left in the servers when all have gone. */
  readonly strays: readonly string[]
}

/** The servers of a round, by way of their proxies. */
interface Stage {
  readonly folder: string
  readonly servers: readonly BreakableServer[]
  readonly proxies: readonly FaultProxy[]
  readonly env: Readonly<Record<string, string>>
}

async function playRound(broker: BrokerName): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), 'celeriac-faults-'))
  const stage = await setStage(broker, folder)
  Object.assign(process.env, stage.env)
  const { Celery, createLogger } = await import('celeriac')
  const app = new Celery('durability', { logger: createLogger({ write: () => undefined }) })
  const workers = Array.from({ length: WORKERS }, (_, name) => startWorker(stage, name))
  const startedMs = performance.now()
  try {
    const faults = makeFaults(stage, workers)
    const waiting: Promise<string>[] = []
    const accepted: number[] = []
    let refused = 0
    for (let first = 0; first < Number(options.tasks); first += BATCH) {
      const numbers = Array.from({ length: BATCH }, (_, index) => first + index)
      try {
        const results = await app.sendTasks(numbers.map((number) => ({ name: 'durability.late', args: [number] })))
        accepted.push(...numbers)
        waiting.push(...results.map(answerOf))
      } catch {
        refused += BATCH
      }
    }
    const made = await faults
    const answers = await Promise.all(waiting)
    const seconds = (performance.now() - startedMs) / 1000
    // What comes again is to be settled before the workers go.
    await setTimeout(5000)
    await Promise.all(workers.map((worker) => worker.stop()))
    await app.close()
    await tidyUp(stage)
    const runs = readJournals(folder)
    const told = answers.filter((answer) => answer !== 'answered')
    return {
      seconds: Math.round(seconds),
      faults: count(made),
      accepted: accepted.length,
      refused,
      lost: accepted.filter((number) => (runs.get(number)?.ends.length ?? 0) === 0).length,
      answered: answers.length - told.length,
      told: count(told),
      twice: [...runs.values()].filter(({ ends }) => ends.length > 1).length,
      strays: await findStrays(broker, stage),
    }
  } finally {
    for (const proxy of stage.proxies) await proxy.close()
    for (const server of stage.servers) await server.kill()
    rmSync(folder, { recursive: true })
  }
}

async function setStage(broker: BrokerName, folder: string): Promise<Stage> {
  const redis = await startBreakableRedis(folder)
  const results = await startFaultProxy(redis.port)
  const backend = `redis://127.0.0.1:${String(results.port)}/0`
  const common = { CELERY_RESULT_BACKEND: backend, CELERIAC_BENCH_JOURNAL: folder }
  if (broker === 'redis') {
    return {
      folder,
      servers: [redis],
      proxies: [results],
      env: { ...common, CELERY_BROKER_URL: `${backend}?lease=${String(LEASE)}` },
    }
  }
  const rabbitmq = await startBreakableRabbitmq(join(folder, 'rabbitmq'))
  const messages = await startFaultProxy(rabbitmq.port)
  const url = `amqp://guest:guest@127.0.0.1:${String(messages.port)}//`
  return {
    folder,
    servers: [rabbitmq, redis],
    proxies: [messages, results],
    env: { ...common, CELERY_BROKER_URL: url },
  }
}

function startWorker({ folder, env }: Stage, name: number): WorkerProcess {
  const args = ['-P', 'async', '-c', '20', '-n', `worker${String(name)}@%h`, '--loglevel', options.log]
  return startCeleriacWorker('durability.ts', args, { cwd: folder, env })
}

/** Answers what was done. */
async function makeFaults(stage: Stage, workers: WorkerProcess[]): Promise<Fault[]> {
  const made: Fault[] = []
  while (made.length < Number(options.faults)) {
    await setTimeout(Math.random() * LONGEST_WAIT_MS)
    const fault = (options.only as Fault | undefined) ?? oneOf(FAULTS)
    made.push(fault)
    await makeFault(fault, stage, workers)
  }
  return made
}

async function makeFault(fault: Fault, stage: Stage, workers: WorkerProcess[]): Promise<void> {
  const proxy = oneOf(stage.proxies)
  switch (fault) {
    case 'worker': {
      const index = Math.floor(Math.random() * workers.length)
      await workers[index]?.kill()
      workers[index] = startWorker(stage, index)
      return
    }
    case 'server': {
      const server = oneOf(stage.servers)
      await server.kill()
      await setTimeout(Math.random() * LONGEST_WAIT_MS)
      await server.start()
      return
    }
    case 'cut':
      proxy.cut()
      return
    case 'cut up':
    case 'cut down':
      // With nothing under way it never comes to that byte.
      await Promise.race([
        proxy.cutAfter(Math.floor(Math.random() * 50_000), fault === 'cut up' ? 'up' : 'down'),
        setTimeout(LONGEST_WAIT_MS),
      ])
      return
    case 'refuse':
      await proxy.refuse()
      await setTimeout(Math.random() * LONGEST_WAIT_MS)
      await proxy.accept()
      return
    case 'silence':
      proxy.abandon()
      return
  }
}

async function answerOf(result: AsyncResult): Promise<string> {
  try {
    await result.get({ timeout: PATIENCE })
    return 'answered'
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}`.replaceAll(result.id, '...') : String(error)
  }
}

/** The servers notice in time that a connection is gone; and as long as there is a worker, it looks after the others. */
async function tidyUp(stage: Stage): Promise<void> {
  for (const proxy of stage.proxies) proxy.cut()
  const worker = startWorker(stage, WORKERS)
  await setTimeout(2 * LEASE * 1000)
  await worker.stop()
}

/** Keys, channels, bindings and queues that nobody needs any more; results and the exchanges stay by design. */
async function findStrays(broker: BrokerName, { servers }: Stage): Promise<string[]> {
  const redis = new Redis(servers.at(-1)?.port ?? 0)
  const names = [...(await redis.keys('*')), ...((await redis.pubsub('CHANNELS')) as string[])]
  const bindings = names.filter((name) => name.startsWith('_kombu.binding.') && name !== '_kombu.binding.celery')
  const bound = await Promise.all(bindings.map((name) => redis.smembers(name)))
  redis.disconnect()
  const strays = names.filter((name) => !/^(celery-task-meta-|celeriac\.exchanges$|_kombu\.binding\.)/.test(name))
  strays.push(...bound.flat())
  if (broker === 'redis') return strays
  const { Celery } = await import('celeriac')
  const app = new Celery('leftovers', { broker: `amqp://guest:guest@127.0.0.1:${String(servers[0]?.port)}//` })
  const waiting = await app.control.purge(['celery'])
  await app.close()
  return waiting === 0 ? strays : [...strays, `${String(waiting)} messages in the queue celery`]
}

function oneOf<T>(all: readonly T[]): T {
  return all[Math.floor(Math.random() * all.length)] as T
}

function count<T extends string>(all: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {}
  for (const one of all) counts[one] = (counts[one] ?? 0) + 1
  return counts
}
