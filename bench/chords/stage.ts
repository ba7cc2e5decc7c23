/** A store of its own for one measurement, the app of whoever calls, and workers on it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Celery, createLogger } from 'celeriac'
import { startBreakableRedis } from '../support/breakable-server.ts'
import type { BreakableServer } from '../support/breakable-server.ts'
import { startRedisServer } from '../support/redis-server.ts'
import { startCeleriacWorker } from '../support/worker-process.ts'
import type { WorkerProcess } from '../support/worker-process.ts'

export const STORES = ['redis', 'sqlite'] as const
export type StoreName = (typeof STORES)[number]

export const POOLS = { async: '-P async -c 100', prefork: '-P prefork -c 2' } as const
export type PoolName = keyof typeof POOLS

export interface Stage {
  readonly folder: string
  readonly app: Celery
  /** A Redis that keeps everything on the disk, where that was asked for. */
  readonly server: BreakableServer | undefined
  /** `options` are those of `celeriac worker`. */
  startWorker(options: string): WorkerProcess
}

/** Where messages and results lie: in Redis without persistence, in one that is killed, or in a file. */
export async function onStage<T>(store: StoreName | 'breakable', measure: (stage: Stage) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'celeriac-chords-'))
  const redis = store === 'redis' ? await startRedisServer(folder) : undefined
  const server = store === 'breakable' ? await startBreakableRedis(folder) : undefined
  const port = redis?.port ?? server?.port
  const url = port === undefined ? `sqlite:///${join(folder, 'bench.db')}` : `redis://127.0.0.1:${String(port)}/0`
  const broker = server === undefined ? url : `${url}?lease=5`
  const env = { CELERY_BROKER_URL: broker, CELERY_RESULT_BACKEND: url, CELERIAC_BENCH_JOURNAL: folder }
  const app = new Celery('chords', { broker, backend: url, logger: createLogger({ write: () => undefined }) })
  try {
    return await measure({
      folder,
      app,
      server,
      startWorker: (options) => startCeleriacWorker('chords.ts', options.split(' '), { cwd: folder, env }),
    })
  } finally {
    await app.close()
    await redis?.stop()
    await server?.kill()
    rmSync(folder, { recursive: true })
  }
}
