/** Commands to the worker as a whole. */
import type { Command } from './command.ts'

const ping: Command = {
  name: 'ping',
  kind: 'inspect',
  help: 'Is the worker there?',
  run: () => ({ ok: 'pong' }),
}

const shutdown: Command = {
  name: 'shutdown',
  kind: 'control',
  help: 'Let running tasks end, then stop the worker.',
  answers: false,
  run: (worker) => {
    worker.app.logger.warning('Got shutdown from remote')
    worker.stop()
    return undefined
  },
}

/** All of them. */
export const workerCommands: readonly Command[] = [ping, shutdown]
