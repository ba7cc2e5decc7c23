/** A beat that leads is killed, or stopped for a while: another one takes over, and each instant is sent once. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { taskIdOf } from '../../src/beat/firing.ts'
import { makeProject, startCli } from '../support/cli.ts'
import { Celery, silentLogger } from '../support/product.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'

const ENTRIES = 20
const EVERY_MS = 250

const APP = `
import { Celery } from 'celeriac'

export const app = new Celery('proj')
for (let number = 0; number < ${String(ENTRIES)}; number += 1) {
  const name = \`tick \${number}\`
  app.addPeriodicTask(${String(EVERY_MS / 1000)}, app.signature('proj.tick'), { name, catchUp: { every: 1000 } })
}
`

/** Everything in the queue, by id. */
async function drain(app: Celery): Promise<string[]> {
  const connection = await app.connect()
  try {
    return await connection.withChannel(async (channel) => {
      const deliveries = await channel.basicGet('celery', 100_000, { noAck: true })
      return deliveries.map(({ message }) => String(message.headers['id']))
    })
  } finally {
    await connection.close()
  }
}

function testTakeOver(fate: 'killed' | 'stopped for a while', urlOf: (cwd: string) => string): void {
  it(`is sent once, though the leader is ${fate}`, { timeout: 90_000 }, async () => {
    const cwd = makeProject({ 'app.ts': APP })
    const url = urlOf(cwd)
    const app = new Celery('proj', { broker: url, logger: silentLogger() })
    onTestFinished(() => app.close())
    const start = () => startCli(['-A', 'app.ts', '-b', url, 'beat', '-l', 'info'], { cwd })
    const doomed = start()
    await doomed.sees(/Sending due task tick 19/)
    const next = start()
    await next.sees(/Another one leads/)
    if (fate === 'killed') await doomed.kill()
    else doomed.signal('SIGSTOP')
    await next.sees(/Sending due task tick 19/, 20_000)
    if (fate !== 'killed') {
      doomed.signal('SIGCONT')
      await doomed.sees(/This one leads no more/)
      // Else it would lead again when the next one ends.
      await doomed.kill()
    }
    next.signal('SIGTERM')
    expect((await next.ended).code).toBe(0)

    const states = await standing(app)
    expect(states).toHaveLength(ENTRIES)
    const expected = states.flatMap(({ name, lastRunAt, totalRunCount }) =>
      Array.from({ length: totalRunCount }, (_, back) => ({ name, dueMs: Number(lastRunAt) - back * EVERY_MS })),
    )
    const ids = expected.map(({ name, dueMs }) => taskIdOf('proj', { definition: { name } as never, dueMs }))
    expect((await drain(app)).sort()).toEqual(ids.sort())
  })
}

/** Where entries stand: this app does not have them in its code. */
async function standing(app: Celery) {
  const broker = await app.brokerOptions()
  const [url = ''] = [broker.urls].flat()
  const store = await app.beatStores.open(url, { scope: 'proj', filename: '', broker })
  try {
    return (await store.load()).entries.map(({ name, state }) => ({
      name,
      lastRunAt: new Date(state?.lastDueMs ?? 0),
      totalRunCount: state?.totalRunCount ?? 0,
    }))
  } finally {
    await store.close()
  }
}

describe('over sqlite, what is due', () => {
  testTakeOver('killed', (cwd) => `sqlite:///${join(cwd, 'celeriac.db')}`)
})

describeWithRedis('over redis, what is due', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await server.stop()
  })
  testTakeOver('stopped for a while', () => server.url)
})
