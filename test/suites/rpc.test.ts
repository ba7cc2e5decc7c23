/** Results that come back as messages, from worker to caller: two apps, as two processes have them. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Celery, createLogger, TaskRevokedError } from '../../src/index.ts'
import type { AsyncResult } from '../../src/index.ts'
import { CutTransport } from '../support/cut-transport.ts'
import { query } from '../support/sqlite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

interface Fixture {
  readonly caller: Celery
  readonly stranger: Celery
  readonly transport: CutTransport
  startWorker(): Promise<unknown>
}

const brokers: Record<string, () => string> = {
  memory: () => 'cut://',
  sqlite: () => `sqlite:///${join(temporaryDirectory(), 'broker.db')}`,
}

function fixture(broker: string): Fixture {
  const url = (brokers[broker] as () => string)()
  const transport = new CutTransport()
  const [worker, caller, stranger] = [1, 2, 3].map(() => {
    const logger = createLogger({ level: 'CRITICAL' })
    const app = new Celery('proj', { broker: url, backend: 'rpc://', logger })
    app.transports.registerTransport('cut', transport.load)
    onTestFinished(() => app.close())
    return app
  }) as [Celery, Celery, Celery]
  worker.task('proj.double', (x: number) => x * 2)
  worker.task('proj.fail', () => {
    throw new RangeError('bad moon')
  })
  worker.task('proj.steps', { bind: true }, async (self) => {
    await self.updateState({ state: 'PROGRESS', meta: { done: 1 } })
    return 'end'
  })
  worker.task('proj.outer', { bind: true }, async () => {
    await worker.sendTask('proj.double', [4])
    return 'outer'
  })
  return {
    caller,
    stranger,
    transport,
    async startWorker() {
      const running = worker.worker({ pool: 'async', concurrency: 4 })
      onTestFinished(() => running.stop('cold'))
      return running.start()
    },
  }
}

const wait = { timeout: 10 }

describe.each(Object.keys(brokers))('over %s', (broker) => {
  it('each call gets its own result, and a look at one costs no other', async () => {
    const { caller, startWorker } = fixture(broker)
    const calls = Array.from({ length: 200 }, (_, x) => ({ name: 'proj.double', args: [x] }))
    const results = await caller.sendTasks(calls)
    expect(await results[0]?.state()).toBe('PENDING')
    await startWorker()
    await waitFor(async () => (await results[199]?.state()) === 'SUCCESS')
    expect(await Promise.all(results.map((result) => result.state()))).toEqual(results.map(() => 'SUCCESS'))
    expect(await Promise.all(results.map((result) => result.get(wait)))).toEqual(results.map((_, x) => x * 2))
  })

  it('errors, progress and revoked tasks are told of', async () => {
    const { caller, startWorker } = fixture(broker)
    await startWorker()
    await expect((await caller.sendTask('proj.fail')).get(wait)).rejects.toMatchObject({ message: 'bad moon' })
    const states: string[] = []
    const steps = await caller.sendTask('proj.steps')
    expect(await steps.get({ ...wait, onMessage: ({ status }) => states.push(status) })).toBe('end')
    expect(states.at(-1)).toBe('SUCCESS')
    const late = await caller.sendTask('proj.double', [1], { expires: new Date(Date.now() - 1000) })
    await expect(late.get(wait)).rejects.toThrow(TaskRevokedError)
    await expect((await caller.sendTask('proj.unknown')).get(wait)).rejects.toThrow('proj.unknown')
  })

  it('only who called can read a result: others are told so', async () => {
    const { caller, stranger, startWorker } = fixture(broker)
    await startWorker()
    const outer = await caller.sendTask('proj.outer')
    expect(await outer.get(wait)).toBe('outer')
    await expect(stranger.asyncResult(outer.id).get(wait)).rejects.toThrow('was not called by this process')
    const [child] = await outer.children()
    await expect((child as AsyncResult).state()).rejects.toThrow('was not called by this process')
    expect(await caller.asyncResult(outer.id).get(wait)).toBe('outer')
  })
})

it('all waiters get their answer although connections are cut again and again', async () => {
  const { caller, transport, startWorker } = fixture('memory')
  await startWorker()
  const calls = Array.from({ length: 300 }, (_, x) => ({ name: 'proj.double', args: [x] }))
  const results = await caller.sendTasks(calls)
  let waiting = results.length
  const values = results.map(async (result) => {
    const value = await result.get({ timeout: 20 })
    waiting -= 1
    return value
  })
  for (let cuts = 0; cuts < 3 && waiting > 0; cuts += 1) {
    await transport.cut()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await Promise.all(values)).toEqual(results.map((_, x) => x * 2))
}, 30_000)

it('an app that closes leaves no reply queue behind', async () => {
  const file = join(temporaryDirectory(), 'broker.db')
  const app = new Celery('proj', { broker: `sqlite:///${file}`, backend: 'rpc://' })
  app.task('proj.double', (x: number) => x * 2)
  const worker = app.worker({ pool: 'solo' })
  await worker.start()
  expect(await (await app.sendTask('proj.double', [2])).get(wait)).toBe(4)
  await app.sendTask('proj.double', [3])
  await worker.stop()
  await app.close()
  expect(query(file, 'SELECT name FROM celeriac_queue')).toEqual([{ name: 'celery' }])
})
