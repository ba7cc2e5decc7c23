/** The worker: what `celeriac -A examples/files/app.ts worker` starts in a shell, as a child of this program. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Worker {
  /** Rejects when the worker ends although nobody stopped it. */
  readonly lost: Promise<never>
  /** Let the tasks that run end, then the worker. */
  stop(): Promise<void>
}

export function startWorker(folder: string): Worker {
  const celeriac = join(import.meta.dirname, '../../bin/celeriac.js')
  const app = join(import.meta.dirname, 'app.ts')
  const worker = spawn(process.execPath, [celeriac, '-A', app, '--quiet', 'worker', '--loglevel', 'WARNING'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(worker, 'exit')
  return {
    lost: exited.then(() => {
      throw new Error('The worker ended before its work was done.')
    }),
    async stop() {
      worker.kill('SIGTERM')
      await exited
    },
  }
}
