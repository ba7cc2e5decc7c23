/**
 * kill -9, in small (`npm run bench:durability` is the large round): workers with all their children are killed at random
 * moments while they work, and started again.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Celery, silentLogger } from '../support/product.ts'
import { makeProject, RunningCli } from '../support/cli.ts'
import { waitFor } from '../support/wait-for.ts'

const TASKS = 2000
const KILLS = 6
/** Of one worker. */
const SLOTS = 2

const APP = `
import { appendFileSync } from 'node:fs'
import { Celery } from 'celeriac'

export const app = new Celery('proj')

/** Notes each start and each end, each with one write of its own. */
const note = (late: boolean) => (number: number) => {
  appendFileSync(late ? 'late' : 'early', \`start \${number} \${process.pid}\\n\`)
  for (const endMs = performance.now() + 1; performance.now() < endMs; );
  appendFileSync(late ? 'late' : 'early', \`end \${number} \${process.pid}\\n\`)
  return number
}
export const late = app.task('proj.late', { acksLate: true }, note(true))
export const early = app.task('proj.early', note(false))
`

/** A worker, and all processes that it started. */
function killWithChildren(pid: number): void {
  const listChildren = (): string => {
    try {
      return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    } catch {
      return ''
    }
  }
  const children = listChildren()
  // The worker first: it must not see its children die and go on with others.
  for (const one of [pid, ...children.split('\n').filter(Boolean).map(Number)]) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // It was gone already.
    }
  }
}

interface Journal {
  readonly started: ReadonlyMap<number, number>
  readonly ended: ReadonlySet<number>
}

function readJournal(file: string): Journal {
  const started = new Map<number, number>()
  const ended = new Set<number>()
  if (!existsSync(file)) return { started, ended }
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [what, number] = line.split(' ')
    if (what === 'start') started.set(Number(number), (started.get(Number(number)) ?? 0) + 1)
    if (what === 'end') ended.add(Number(number))
  }
  return { started, ended }
}

async function work(
  task: string,
  pool: string,
): Promise<{ journal: Journal; states: Map<number, string>; killed: number }> {
  const cwd = makeProject({ 'app.ts': APP })
  const url = `sqlite:///${join(cwd, 'celeriac.db')}`
  const app = new Celery('proj', { broker: url, backend: url, logger: silentLogger() })
  onTestFinished(() => app.close())
  const results = await app.sendTasks(
    Array.from({ length: TASKS }, (_, number) => ({ name: `proj.${task}`, args: [number] })),
  )
  const start = (): RunningCli => new RunningCli(['-A', 'app.ts', 'worker', '-P', pool, '-c', String(SLOTS)], { cwd })
  const workers = [start(), start()]
  onTestFinished(() => {
    for (const worker of workers) killWithChildren(worker.pid)
  })
  let killed = 0
  const journal = (): Journal => readJournal(join(cwd, task))
  for (; killed < KILLS; killed += 1) {
    const aim = Math.floor(((killed + Math.random()) * TASKS) / (KILLS + 1))
    await waitFor(() => journal().ended.size >= aim, {
      timeoutMs: 60_000,
      intervalMs: 20,
      what: `${String(aim)} tasks`,
    })
    killWithChildren(workers[killed % 2]?.pid ?? -1)
    workers[killed % 2] = start()
  }
  const backend = await app.backend()
  const states = new Map<number, string>()
  const left = async (): Promise<boolean> => {
    const metas = await backend.getMetas(results.map((result) => result.id))
    results.forEach((result, number) => {
      const status = metas.get(result.id)?.status
      if (status !== undefined) states.set(number, status)
    })
    return states.size < TASKS
  }
  if (task === 'late') {
    await waitFor(async () => !(await left()), {
      timeoutMs: 60_000,
      intervalMs: 100,
      what: 'every task to have a result',
    })
  } else {
    const waiting = async (): Promise<number> => {
      const connection = await app.connect()
      try {
        return (
          await connection.withChannel((channel) =>
            channel.queueDeclare({ name: 'celery', durable: true, exclusive: false, autoDelete: false }),
          )
        ).messages
      } finally {
        await connection.close()
      }
    }
    await waitFor(async () => (await waiting()) === 0, { timeoutMs: 60_000, intervalMs: 100, what: 'an empty queue' })
    // Those that were taken last still run. What is lost never comes: see below how many that may be.
    await waitFor(async () => !(await left()) || states.size >= TASKS - SLOTS * killed, {
      timeoutMs: 20_000,
      intervalMs: 100,
    }).catch(() => undefined)
  }
  return { journal: journal(), states, killed }
}

describe('workers that are killed with all their children', () => {
  it.each(['prefork', 'async'])('lose nothing that is acknowledged late (%s)', { timeout: 150_000 }, async (pool) => {
    const { journal, states } = await work('late', pool)
    expect(states.size).toBe(TASKS)
    expect(new Set(states.values())).toEqual(new Set(['SUCCESS']))
    expect(journal.ended.size).toBe(TASKS)
  })

  it('lose at most what was running, when it is acknowledged early', { timeout: 150_000 }, async () => {
    const { states, killed } = await work('early', 'prefork')
    expect(states.size).toBeGreaterThanOrEqual(TASKS - SLOTS * killed)
  })
})
