/** The TypeScript app: words. */
import { Celery } from 'celeriac'

const broker = process.env['CELERY_BROKER_URL'] ?? 'redis://localhost:6379/0'

export const app = new Celery('words', {
  broker,
  backend: process.env['CELERY_RESULT_BACKEND'] ?? broker,
  include: ['./tasks.ts'],
  // The same in python/project.py: whoever calls knows where the task lives.
  taskRoutes: { 'stats.*': { queue: 'python' }, 'words.*': { queue: 'typescript' } },
})
