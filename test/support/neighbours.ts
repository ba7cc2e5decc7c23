/** Workers side by side on one broker in memory, each an app of its own, for what they say to each other. */
import { onTestFinished } from 'vitest'
import { Celery, createLogger } from '../../src/index.ts'
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts'
import { MemoryTransport } from '../../src/transport/memory.ts'
import type { Connection, Transport } from '../../src/transport/transport.ts'

export interface Neighbour {
  readonly app: Celery
  readonly worker: Worker
  readonly log: string[]
}

/** Makes workers that find each other. They are stopped with the test. */
export function neighbourhood(): (hostname: string, options?: WorkerOptions) => Neighbour {
  const transport = new SharedMemory()
  return (hostname, options = {}) => {
    const log: string[] = []
    const logger = createLogger({ level: 'DEBUG', write: ({ level, message }) => log.push(`${level} ${message}`) })
    const app = new Celery('proj', { broker: 'shared://', backend: 'memory://', logger })
    app.transports.registerTransport('shared', async () => transport)
    const worker = app.worker({ pool: 'async', concurrency: 1, hostname, heartbeatInterval: 0.05, ...options })
    onTestFinished(async () => {
      await worker.stop('cold')
      await app.close()
    })
    return { app, worker, log }
  }
}

/** Memory that counts as shared, as a server's does. */
class SharedMemory implements Transport {
  readonly name = 'shared'
  readonly #memory = new MemoryTransport()

  async connect(...[, , context]: Parameters<Transport['connect']>): Promise<Connection> {
    const connection = await this.#memory.connect('memory://', {}, context)
    return new Proxy(connection, {
      get: (target, name: keyof Connection) => {
        const value = target[name]
        if (name === 'features') return { ...target.features, shared: true }
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value
      },
    })
  }
}
