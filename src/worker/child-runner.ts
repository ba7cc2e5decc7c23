/** What a pool's child does with the app: load it, and run jobs with its tracer. */
import type { App } from '../app/app.ts'
import { loadApp } from '../app/finder.ts'
import { logAt, lowestLevel } from '../util/logger.ts'
import type { Logger } from '../util/logger.ts'
import type { AppLocation, RunJob } from './pool/pool.ts'

/** What a child does with its app. */
export interface ChildRunner {
  readonly run: RunJob
  /** The child is ready for its first job. */
  started(): Promise<void>
  /** The child has had its last job. */
  stopping(): Promise<void>
}

/** Load the app and make it ready to run jobs, whose log lines go to `logger`. Throws what the app's modules throw. */
export async function createRunner(
  location: AppLocation,
  settings: Readonly<Record<string, unknown>>,
  logger: Logger,
): Promise<ChildRunner> {
  const app = await loadApp(location)
  app.becomeChild(settings)
  app.redirectLog({
    level: lowestLevel(logger),
    write: ({ level, message, fields = {} }) => {
      logAt(logger, level, message, fields)
    },
  })
  await app.importTasks()
  await app.serialization.loadCompressions()
  return childRunner(app, logger)
}

async function childRunner(app: App, logger: Logger): Promise<ChildRunner> {
  const tracer = await app.createTracer({ joinWillBlock: true, logger })
  return {
    run: (job, control) => tracer.run(job, control),
    started: () => app.signals.send('worker-process-init', { pid: process.pid }),
    stopping: async () => {
      await app.signals.send('worker-process-shutdown', { pid: process.pid, exitcode: 0 })
      await app.close()
    },
  }
}
