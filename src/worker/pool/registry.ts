/** Pools by their names on the command line. Each is imported when it is asked for. */
import { resolve } from 'node:path'
import { importModule } from '../../app/loader.ts'
import { ImproperlyConfigured } from '../../errors.ts'
import { didYouMean } from '../../util/suggest.ts'
import type { Pool, PoolOptions } from './pool.ts'

/** Makes a pool; the default export (or `createPool`) of a module with a pool of one's own. */
export type CreatePool = (options: PoolOptions) => Pool

/** Celery's name for the pool that a variable names. */
const CUSTOM = 'custom'
const CUSTOM_VARIABLE = 'CELERY_CUSTOM_WORKER_POOL'

const POOLS: Readonly<Record<string, () => Promise<CreatePool>>> = {
  prefork: loadPrefork,
  processes: loadPrefork,
  threads: async () => {
    const { ThreadsPool } = await import('./threads.ts')
    return (options) => new ThreadsPool(options)
  },
  solo: async () => {
    const { SoloPool } = await import('./solo.ts')
    return (options) => new SoloPool(options)
  },
  async: async () => {
    const { AsyncPool } = await import('./async.ts')
    return (options) => new AsyncPool(options)
  },
}

/** Pools of Celery that make one process do many things at a time, which in Node is what `async` does. */
const GREEN: ReadonlySet<string> = new Set(['gevent', 'eventlet'])

/**
 * The pool of this name: `prefork` (or `processes`), `threads`, `solo`, `async`, `custom` for what CELERY_CUSTOM_WORKER_POOL names,
 * or the path of a module, from `cwd`, that exports a `CreatePool` by default or as `createPool`.
 * Rejects with `ImproperlyConfigured` for any other.
 */
export async function findPool(name: string, cwd: string = process.cwd()): Promise<CreatePool> {
  if (Object.hasOwn(POOLS, name)) return (POOLS[name] as () => Promise<CreatePool>)()
  if (name === CUSTOM) return loadCustom(customPath(), cwd)
  if (/[./\\]/.test(name)) return loadCustom(name, cwd)
  if (GREEN.has(name)) {
    throw new ImproperlyConfigured(
      `The pool "${name}" is one of Python; for tasks that mostly wait use "async", for tasks that compute "prefork"`,
    )
  }
  const known = [...Object.keys(POOLS), CUSTOM]
  const hint = didYouMean(name, known)
  throw new ImproperlyConfigured(`There is no pool "${name}"${hint === '' ? `; there are: ${known.join(', ')}` : hint}`)
}

async function loadPrefork(): Promise<CreatePool> {
  const { PreforkPool } = await import('./prefork.ts')
  return (options) => new PreforkPool(options)
}

function customPath(): string {
  const path = process.env[CUSTOM_VARIABLE]
  if (path !== undefined && path !== '') return path
  throw new ImproperlyConfigured(`The pool "custom" needs the path of its module in ${CUSTOM_VARIABLE}`)
}

async function loadCustom(path: string, cwd: string): Promise<CreatePool> {
  const exports = await importModule(resolve(cwd, path))
  const create = exports['createPool'] ?? exports['default']
  if (typeof create === 'function') return create as CreatePool
  throw new ImproperlyConfigured(
    `${path} exports no pool: write "export default (options) => new MyPool(options)" there`,
  )
}
