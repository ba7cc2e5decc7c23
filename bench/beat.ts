/**
 * Beat under load, and beat under fire. By default: many entries, due at random instants, sent by one beat: how late, at
 * what cost. With `--kills`: three beats, of which the leading one is killed again and again: is each instant sent once?
 * `npm run bench:beat -- --help`.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Celery } from 'celeriac'
import { taskIdOf } from '../src/beat/firing.ts'
import { describeMachine } from './support/machine.ts'
import { startRabbitmqServer } from './support/rabbitmq-server.ts'
import { startRedisServer } from './support/redis-server.ts'
import { percentile } from './support/statistics.ts'
import { JITI } from './support/typescript.ts'

const HELP = `npm run bench:beat -- [options]
  --entries N   default 10000, with --kills 50
  --every S     the interval of each, in seconds (default 60, with --kills 1)
  --seconds S   how long (default 20, with --kills 60)
  --brokers L   sqlite, redis, rabbitmq, or several with commas (default sqlite, with --kills all)
  --kills       kill the beat that leads every few seconds; two others are there
  --name NAME   write bench/results/NAME.json (default: beat, with --kills beat-kills)`

const QUEUE = 'celery'
const BEATS = 3
const KILL_EVERY_MS = 7000
/** What was sent last has arrived by then. */
const ARRIVAL_MS = 3000

const { values: options } = parseArgs({
  options: {
    entries: { type: 'string' },
    every: { type: 'string' },
    seconds: { type: 'string' },
    brokers: { type: 'string' },
    kills: { type: 'boolean', default: false },
    name: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const isKilling = options.kills
const entries = Number(options.entries ?? (isKilling ? 50 : 10_000))
const every = Number(options.every ?? (isKilling ? 1 : 60))
const seconds = Number(options.seconds ?? (isKilling ? 60 : 20))
const brokers = (options.brokers ?? (isKilling ? 'sqlite,redis,rabbitmq' : 'sqlite')).split(',')

async function run(): Promise<void> {
  const report: Record<string, unknown> = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    entries,
    everySeconds: every,
    seconds,
  }
  for (const broker of brokers) {
    console.log(`${broker} ...`)
    report[broker] = await withBroker(broker, isKilling ? underFire : underLoad)
    console.log(report[broker])
  }
  const file = join(import.meta.dirname, 'results', `${options.name ?? (isKilling ? 'beat-kills' : 'beat')}.json`)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  console.log(file)
}

/** Where messages go, and a folder for files. */
interface Place {
  readonly url: string
  readonly folder: string
}

async function withBroker<T>(name: string, work: (place: Place) => Promise<T>): Promise<T | 'not installed'> {
  const folder = mkdtempSync(join(tmpdir(), 'celeriac-beat-'))
  const server = await startServer(name, folder)
  try {
    return server === undefined ? 'not installed' : await work({ url: server.url, folder })
  } finally {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startServer(name: string, folder: string): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  if (name === 'sqlite') return { url: `sqlite:///${join(folder, 'bench.db')}`, stop: async () => undefined }
  if (name === 'rabbitmq') {
    const rabbitmq = await startRabbitmqServer(folder)
    return rabbitmq && { url: `amqp://guest:guest@127.0.0.1:${String(rabbitmq.port)}//`, stop: () => rabbitmq.stop() }
  }
  const redis = await startRedisServer(folder)
  return redis && { url: `redis://127.0.0.1:${String(redis.port)}/0`, stop: () => redis.stop() }
}

/** Takes everything from the queue as it comes. */
class Listener {
  /** When each id came; the second time it is in `again`. */
  readonly arrivals = new Map<string, number>()
  readonly again: string[] = []
  readonly #app: Celery
  #stop: () => Promise<void> = async () => undefined

  constructor({ url }: Place) {
    this.#app = new Celery('bench', { broker: url })
  }

  async start(): Promise<void> {
    const connection = await (await this.#app.connect()).ensure()
    const channel = await connection.openChannel()
    await channel.queueDeclare({ name: QUEUE, durable: true, exclusive: false, autoDelete: false })
    await channel.basicConsume(
      QUEUE,
      (deliveries) => {
        const nowMs = Date.now()
        for (const { message } of deliveries) {
          const id = String(message.headers['id'])
          if (this.arrivals.has(id)) this.again.push(id)
          else this.arrivals.set(id, nowMs)
        }
      },
      { noAck: true },
    )
    this.#stop = () => connection.close()
  }

  async stop(): Promise<void> {
    await this.#stop()
    await this.#app.close()
  }
}

/** What beats share, as one of them has it. */
async function openStore({ url, folder }: Place) {
  const app = new Celery('bench', { broker: url })
  const store = await app.beatStores.open(url, {
    scope: 'bench',
    filename: join(folder, 'celerybeat-schedule'),
    broker: await app.brokerOptions(),
  })
  return { store, close: () => store.close().then(() => app.close()) }
}

/** Entries begin at random, so that they do not come all at once. Answers when each was due last. */
async function scatter(place: Place): Promise<Map<string, number>> {
  const { store, close } = await openStore(place)
  const nowMs = Date.now()
  const begins = new Map(
    Array.from({ length: entries }, (_, number) => [
      `entry ${String(number)}`,
      nowMs - Math.floor(Math.random() * every * 1000),
    ]),
  )
  const leadership = await store.acquire(10_000)
  if (leadership === undefined) throw new Error('Somebody else leads')
  const states = [...begins].map(([name, lastDueMs]) => ({ name, lastDueMs, totalRunCount: 0 }))
  await store.saveStates(leadership, states)
  await store.release(leadership)
  await close()
  return begins
}

function startBeat({ url, folder }: Place): ChildProcess {
  const env = {
    ...process.env,
    CELERY_BROKER_URL: url,
    BEAT_ENTRIES: String(entries),
    BEAT_EVERY: String(every),
    BEAT_FILE: join(folder, 'celerybeat-schedule'),
  }
  return fork(JITI, [join(import.meta.dirname, 'apps/beat.ts')], { env })
}

async function stopBeat(beat: ChildProcess): Promise<void> {
  if (beat.exitCode !== null || beat.signalCode !== null) return
  const ended = once(beat, 'exit')
  beat.send('stop')
  await ended
}

interface Usage {
  readonly usage: NodeJS.CpuUsage
  readonly megabytes: number
}

async function usageOf(beat: ChildProcess): Promise<Usage> {
  const answer = once(beat, 'message')
  beat.send('usage')
  const [usage] = (await answer) as [Usage]
  return usage
}

async function underLoad(place: Place): Promise<unknown> {
  const begins = await scatter(place)
  const listener = new Listener(place)
  await listener.start()
  const beat = startBeat(place)
  const [{ afterMs }] = (await once(beat, 'message')) as [{ afterMs: number }]
  // What fell due while it was started is late by nature.
  await sleep(2000)
  const fromMs = Date.now()
  const before = await usageOf(beat)
  await sleep(seconds * 1000)
  const after = await usageOf(beat)
  const untilMs = Date.now()
  await sleep(ARRIVAL_MS)
  await stopBeat(beat)
  await listener.stop()
  const due = instants(begins, fromMs, untilMs)
  const late = due.map(({ id, dueMs }) => (listener.arrivals.get(id) ?? Infinity) - dueMs)
  const cpuMs = (after.usage.user + after.usage.system - before.usage.user - before.usage.system) / 1000
  return {
    sent: due.length,
    missing: late.filter((ms) => ms === Infinity).length,
    twice: listener.again.length,
    lateMs: { p50: percentile(late, 0.5), p99: percentile(late, 0.99), max: Math.max(...late) },
    cpuOfOneCore: `${((cpuMs / (untilMs - fromMs)) * 100).toFixed(1)} %`,
    startMs: Math.round(afterMs),
    megabytes: Math.round(after.megabytes),
  }
}

async function underFire(place: Place): Promise<unknown> {
  const begins = await scatter(place)
  const listener = new Listener(place)
  await listener.start()
  const beats = new Set<ChildProcess>()
  const leading: ChildProcess[] = []
  const add = (): void => {
    const beat = startBeat(place)
    beats.add(beat)
    beat.once('message', () => leading.push(beat))
  }
  for (let count = 0; count < BEATS; count += 1) add()
  const endMs = Date.now() + seconds * 1000
  let kills = 0
  while (Date.now() < endMs) {
    await sleep(KILL_EVERY_MS * (0.7 + 0.6 * Math.random()))
    const leader = leading.at(-1)
    if (leader === undefined || !beats.delete(leader)) continue
    leader.kill('SIGKILL')
    await once(leader, 'exit')
    kills += 1
    add()
  }
  // The last one that leads makes up for what the others have left.
  await sleep(6000)
  const untilMs = Date.now() - every * 1000
  await sleep(ARRIVAL_MS)
  for (const beat of beats) await stopBeat(beat)
  await sleep(500)
  await listener.stop()
  const due = instants(begins, 0, untilMs)
  const late = due.map(({ id, dueMs }) => (listener.arrivals.get(id) ?? Infinity) - dueMs)
  return {
    kills,
    instants: due.length,
    missing: late.filter((ms) => ms === Infinity).length,
    twice: listener.again.length,
    latestMs: Math.max(...late.filter((ms) => ms !== Infinity)),
  }
}

/** What was to be sent in this time. */
function instants(
  begins: ReadonlyMap<string, number>,
  fromMs: number,
  untilMs: number,
): { readonly id: string; readonly dueMs: number }[] {
  const due: { id: string; dueMs: number }[] = []
  for (const [name, beginMs] of begins) {
    for (let dueMs = beginMs + every * 1000; dueMs <= untilMs; dueMs += every * 1000) {
      if (dueMs >= fromMs) due.push({ id: taskIdOf('bench', { definition: { name } as never, dueMs }), dueMs })
    }
  }
  return due
}

if (options.help) console.log(HELP)
else await run()
