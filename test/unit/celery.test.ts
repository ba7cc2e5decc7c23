import { expect, it, onTestFinished } from 'vitest'
import { App } from '../../src/app/app.ts'
import { Celery } from '../../src/celery.ts'
import { Worker } from '../../src/worker/worker.ts'

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
