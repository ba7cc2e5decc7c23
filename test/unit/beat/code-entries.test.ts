import { expect, it, onTestFinished } from 'vitest'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import type { ResultBackend } from '../../../src/backend/backend.ts'
import { codeEntries } from '../../../src/beat/code-entries.ts'
import { Celery } from '../../../src/celery.ts'

/** An app whose results do not expire by themselves. */
function makeApp(settings: object = {}): Celery {
  const app = new Celery('proj', { broker: 'memory://', backend: 'keeping://', timezone: 'Asia/Tokyo', ...settings })
  app.backends.registerBackend('keeping', async () => ({
    name: 'keeping',
    open: async (_url, options, context) => {
      const backend = await new MemoryBackendFactory().open('memory://', options, context)
      return Object.assign(Object.create(backend) as ResultBackend, {
        features: { ...backend.features, autoExpire: false },
        close: () => backend.close(),
      })
    },
  }))
  onTestFinished(() => app.close())
  return app
}

const namesOf = async (app: Celery) => (await codeEntries(app)).map(({ name }) => name)

it('has what the app says', async () => {
  const app = new Celery('proj', { broker: 'memory://', backend: 'memory://' })
  onTestFinished(() => app.close())
  app.entries.add('a', { task: 't', schedule: 30 })
  expect(await namesOf(app)).toEqual(['a'])
})

it('removes old results each night where they do not expire by themselves', async () => {
  const app = makeApp()
  const [cleanup] = await codeEntries(app)
  expect(cleanup).toMatchObject({
    name: 'celery.backend_cleanup',
    task: 'celery.backend_cleanup',
    options: { expires: 43_200 },
  })
  expect(cleanup?.schedule.toString()).toBe('0 4 * * * (Asia/Tokyo)')
  app.entries.add('celery.backend_cleanup', { task: 'proj.cleanup', schedule: 30 })
  expect(await codeEntries(app)).toMatchObject([{ task: 'proj.cleanup' }])
  expect(await namesOf(makeApp({ resultExpires: null }))).toEqual([])
})
