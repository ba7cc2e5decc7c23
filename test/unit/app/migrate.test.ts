import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { App } from '../../../src/app/app.ts'
import { migrateTasks } from '../../../src/app/migrate.ts'
import type { AppOptions } from '../../../src/app/app.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { plainMessage } from '../../support/fake-store.ts'
import { temporaryFile } from '../../support/sqlite.ts'

let apps: App[]
let source: string
let destination: string

beforeEach(() => {
  apps = []
  source = `sqlite:///${temporaryFile()}`
  destination = `sqlite:///${temporaryFile()}`
})

afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()))
})

/** An app at the source broker. */
function createApp(options: AppOptions = {}): App {
  const app = new App('proj', { broker: source, ...options })
  apps.push(app)
  return app
}

/** The tasks that wait at the destination. */
async function arrived(app: App, queue: string): Promise<unknown[]> {
  const connection = await app.connectTo(destination)
  const deliveries = await connection.withChannel((channel) => channel.basicGet(queue, 100))
  await connection.close()
  return deliveries.map(({ message }) => message.headers['task'])
}

describe('migrateTasks', () => {
  it('takes the queues of the app, by the names that they have there', async () => {
    const app = createApp({ taskQueues: { one: { exchange: 'x' }, two: {} } })
    await app.sendTask('proj.a', [], { queue: 'one' })
    await app.sendTask('proj.b', [], { queue: 'two' })
    await app.sendTask('proj.c', [], { queue: 'three' })
    expect(await migrateTasks(app, source, destination, { timeout: 0, ackMessages: true })).toMatchObject({ moved: 3 })
    expect(await arrived(app, 'one')).toEqual(['proj.a'])
    expect(await arrived(app, 'two')).toEqual(['proj.b'])
    const connection = await app.connectTo(destination)
    const bindings = await connection.withChannel(async (channel) => channel.listBindings?.())
    await connection.close()
    expect(bindings).toContainEqual(expect.objectContaining({ exchange: 'x', queue: 'one', routingKey: 'one' }))
  })

  it('takes other queues, under other names', async () => {
    const app = createApp()
    await app.sendTask('proj.a', [], { queue: 'old' })
    await app.sendTask('proj.b', [], { queue: 'same' })
    await migrateTasks(app, source, destination, { timeout: 0, queues: ['old:new', 'same'] })
    expect(await arrived(app, 'new')).toEqual(['proj.a'])
    expect(await arrived(app, 'same')).toEqual(['proj.b'])
  })

  it.each([1, 2] as const)('finds tasks by name, in protocol %i, and takes nothing else', async (taskProtocol) => {
    const app = createApp({ taskProtocol })
    await app.sendTask('proj.a', [1])
    await app.sendTask('proj.b', [2])
    const broker = await app.connect()
    await broker.withChannel((channel) =>
      channel.basicPublish([{ exchange: '', routingKey: 'celery', message: plainMessage('no task') }]),
    )
    await broker.close()
    const result = await migrateTasks(app, source, destination, { timeout: 0, tasks: ['proj.b'], ackMessages: true })
    expect(result).toMatchObject({ moved: 1, skipped: 2, remaining: 2 })
  })

  it('takes what waits there for its time, and leaves it its time', async () => {
    const app = createApp()
    await app.sendTask('proj.a', [], { eta: new Date('2200-01-01T00:00:00Z') })
    const result = await migrateTasks(app, source, destination, { timeout: 0, ackMessages: true })
    expect(result).toMatchObject({ moved: 1, total: 1, remaining: 0 })
    const connection = await app.connectTo(destination)
    const [delivery] = await connection.withChannel((channel) => channel.basicGet('celery', 1))
    await connection.close()
    expect(delivery?.message.headers['eta']).toMatch(/^2200-01-01T00:00:00/)
  })

  it('refuses to move a queue into itself, which would not end', async () => {
    const app = createApp()
    await expect(migrateTasks(app, source, source)).rejects.toThrow(ImproperlyConfigured)
    await expect(migrateTasks(app, source, source, { queues: ['a:b', 'b:a'] })).rejects.toThrow(/"b".*old:new/)
    await app.sendTask('proj.a', [], { queue: 'old' })
    expect(await migrateTasks(app, source, source, { timeout: 0, queues: ['old:new'] })).toMatchObject({ moved: 1 })
  })
})
