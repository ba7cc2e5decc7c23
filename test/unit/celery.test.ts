import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { App } from '../../src/app/app.ts'
import { Celery } from '../../src/celery.ts'
import { createLogger } from '../../src/util/logger.ts'
import type { Component } from '../../src/worker/component.ts'
import { Worker } from '../../src/worker/worker.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

it('is an app that can work its own tasks', async () => {
  const app = new Celery('proj', { broker: 'memory://', backend: 'memory://' })
  const add = app.task('proj.add', (x: number, y: number) => x + y)
  const worker = app.worker({ pool: 'async', concurrency: 1, hostname: 'w1@test' })
  onTestFinished(async () => {
    await worker.stop('cold')
    await app.close()
  })
  expect(app).toBeInstanceOf(App)
  expect(worker).toBeInstanceOf(Worker)
  expect(app.file).toBe(import.meta.filename)
  const result = await add.delay(1, 2)
  expect((await worker.start()).hostname).toBe('w1@test')
  expect(await result.get({ timeout: 5 })).toBe(3)
})

it('makes workers that do nothing before they are started', async () => {
  const app = new Celery('proj', { broker: 'nowhere://' })
  await app.worker().stop()
  await app.worker().closed()
})

it('gives its workers the components of the app, then their own', async () => {
  const app = new Celery('proj', { broker: 'memory://', backend: 'memory://' })
  const trail: string[] = []
  const component = (name: string): Component => ({
    name,
    start: (worker) => {
      trail.push(`${name} of ${worker.facts.hostname}`)
      worker.stopping.addEventListener('abort', () => trail.push('stopping'))
      return () => void trail.push(`no ${name}`)
    },
    attach: (connection) => {
      trail.push(`${name} on ${connection.features.fanout ? 'a broker' : 'nothing'}`)
      return () => void trail.push(`${name} off`)
    },
  })
  app.addWorkerComponent(component('a'))
  const worker = app.worker({ pool: 'async', concurrency: 1, hostname: 'w1@test', components: [component('b')] })
  await worker.start()
  await worker.stop()
  await app.close()
  expect(trail).toEqual([
    ...['a of w1@test', 'b of w1@test', 'a on a broker', 'b on a broker'],
    ...['stopping', 'stopping', 'b off', 'a off', 'no b', 'no a'],
  ])
})

it('has commands of its own, and refuses what cannot be one', () => {
  const app = new Celery('proj', { broker: 'memory://' })
  app.addWorkerCommand({ name: 'mine', kind: 'inspect', run: () => 1 })
  expect(app.workerCommands.map(({ name }) => name)).toEqual(expect.arrayContaining(['ping', 'stats', 'mine']))
  expect(() => app.addWorkerCommand({ name: '', kind: 'inspect', run: () => 1 })).toThrow('needs a name')
})

it('keeps the timetable of beat where beatScheduler says', async () => {
  const elsewhere = `sqlite:///${join(temporaryDirectory(), 'beat.db')}`
  const app = new Celery('proj', { broker: 'memory://', beatScheduler: elsewhere })
  await app.schedule.add('kept', { task: 'proj.kept', schedule: 10 })
  const other = new Celery('proj', { broker: elsewhere })
  expect(await other.schedule.list()).toMatchObject([{ name: 'kept' }])
  await Promise.all([app.close(), other.close()])
})

it('leaves it with the broker where beatScheduler is one of Python', async () => {
  const lines: string[] = []
  const logger = createLogger({ level: 'WARNING', write: ({ message }) => lines.push(message) })
  const app = new Celery('proj', { broker: 'memory://', beatScheduler: 'celery.beat:PersistentScheduler', logger })
  expect(await app.schedule.list()).toEqual([])
  expect(lines.filter((line) => line.includes('beatScheduler is no URL'))).toHaveLength(1)
  await app.close()
})
