import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../../src/util/clock.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { AsyncPool } from '../../../../src/worker/pool/async.ts'
import { PreforkPool } from '../../../../src/worker/pool/prefork.ts'
import type { PoolOptions } from '../../../../src/worker/pool/pool.ts'
import { findPool } from '../../../../src/worker/pool/registry.ts'
import { SoloPool } from '../../../../src/worker/pool/solo.ts'
import { ThreadsPool } from '../../../../src/worker/pool/threads.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const options: PoolOptions = {
  concurrency: 1,
  run: () => Promise.resolve({ kind: 'ignored', runtimeMs: 1 }),
  logger: silentLogger(),
  clock: systemClock,
  appLocation: { file: '/app.js', exportName: undefined },
  settings: {},
  maxTasksPerChild: undefined,
  maxMemoryPerChildBytes: undefined,
  childStartTimeoutMs: 1000,
  onFree: () => undefined,
}

describe('findPool', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it.each([
    ['prefork', PreforkPool],
    ['processes', PreforkPool],
    ['threads', ThreadsPool],
    ['solo', SoloPool],
    ['async', AsyncPool],
  ])('finds %s', async (name, pool) => {
    expect((await findPool(name))(options)).toBeInstanceOf(pool)
  })

  it.each(['gevent', 'eventlet'])('says what to use instead of %s', async (name) => {
    await expect(findPool(name)).rejects.toThrow(/use "async"/)
  })

  it('says what may be meant by a name that it does not know', async () => {
    await expect(findPool('preforc')).rejects.toThrow('There is no pool "preforc"; did you mean "prefork"?')
    await expect(findPool('swimming')).rejects.toThrow(
      'There is no pool "swimming"; there are: prefork, processes, threads, solo, async, custom',
    )
    await expect(findPool('constructor')).rejects.toMatchObject({ code: 'IMPROPERLY_CONFIGURED' })
  })

  it('loads the module of a pool of one’s own', async () => {
    const folder = temporaryDirectory()
    writeFileSync(join(folder, 'pool.mjs'), 'export default (options) => ({ mine: options.concurrency })')
    writeFileSync(join(folder, 'named.mjs'), 'export const createPool = () => ({ named: true })')
    writeFileSync(join(folder, 'none.mjs'), 'export const pool = 1')
    expect((await findPool('./pool.mjs', folder))(options)).toEqual({ mine: 1 })
    expect((await findPool(join(folder, 'named.mjs')))(options)).toEqual({ named: true })
    await expect(findPool('./none.mjs', folder)).rejects.toThrow(/exports no pool: write "export default/)
    await expect(findPool('./missing.mjs', folder)).rejects.toMatchObject({ code: 'IMPROPERLY_CONFIGURED' })
    vi.stubEnv('CELERY_CUSTOM_WORKER_POOL', 'pool.mjs')
    expect((await findPool('custom', folder))(options)).toEqual({ mine: 1 })
    vi.stubEnv('CELERY_CUSTOM_WORKER_POOL', '')
    await expect(findPool('custom', folder)).rejects.toThrow(/CELERY_CUSTOM_WORKER_POOL/)
  })
})
