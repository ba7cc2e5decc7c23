/** Results over a real backend, in memory or in a file, without an app: tests put documents and see what results say. */
import type { ResultBackend } from '../../src/backend/backend.ts'
import { storeResult } from '../../src/backend/storing.ts'
import { MemoryBackendFactory } from '../../src/backend/memory.ts'
import { sqliteBackend } from '../../src/backend/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import type { ResultTuple, TaskMeta } from '../../src/protocol/result.ts'
import type { ResultHost, RevokeOptions } from '../../src/result/result.ts'
import { backendContext } from './context.ts'
import { temporaryFile } from './sqlite.ts'

/** The backends that need no server. */
export const RESULT_STORES = ['memory', 'sqlite'] as const

/** Where results live in a test. */
export interface ResultPlace {
  readonly host: ResultHost
  readonly backend: ResultBackend
  /** How often the backend was asked: `watch` and `getMetas` count. */
  readonly asked: { watch: number; getMetas: number }
  /** What was revoked. */
  readonly revoked: { readonly ids: readonly string[]; readonly options: RevokeOptions }[]
  /** How many watches go on. */
  watching(): number
  /** A task has ended well. */
  succeed(taskId: string, result: unknown, children?: ResultTuple[]): Promise<void>
  /** A task has failed, with an error whose type is called like `name`. */
  fail(taskId: string, name: string): Promise<void>
  put(meta: Partial<TaskMeta> & Pick<TaskMeta, 'task_id' | 'status'>): Promise<void>
}

/** A new place. The caller closes its backend. */
export async function resultPlace(store: (typeof RESULT_STORES)[number] = 'memory'): Promise<ResultPlace> {
  const backend =
    store === 'memory'
      ? await new MemoryBackendFactory().open('memory://', {}, backendContext())
      : await sqliteBackend.open(`sqlite:///${temporaryFile()}`, {}, backendContext({ sqlite: new SqliteFiles() }))
  const asked = { watch: 0, getMetas: 0 }
  const revoked: ResultPlace['revoked'] = []
  let watching = 0
  const counted: ResultBackend = Object.create(backend, {
    watch: {
      value: (...args: Parameters<ResultBackend['watch']>) => {
        asked.watch += 1
        watching += 1
        const watch = backend.watch(...args)
        const stop = (): void => {
          watching -= 1
          watch.stop()
        }
        return { stop }
      },
    },
    getMetas: {
      value: (ids: readonly string[]) => {
        asked.getMetas += 1
        return backend.getMetas(ids)
      },
    },
    // Private fields are of the backend itself.
    ...Object.fromEntries(
      (['getMeta', 'forget', 'saveGroup', 'restoreGroup', 'deleteGroup'] as const).map((name) => [
        name,
        { value: (backend[name] as (...args: unknown[]) => unknown).bind(backend) },
      ]),
    ),
  }) as ResultBackend
  const put: ResultPlace['put'] = (meta) =>
    storeResult(
      backend,
      backend.encodeResult({ result: null, traceback: null, children: [], date_done: null, ...meta }),
    )
  return {
    host: {
      backend: () => Promise.resolve(counted),
      revoke: (ids, options) => {
        revoked.push({ ids, options })
        return Promise.resolve()
      },
    },
    backend,
    asked,
    revoked,
    watching: () => watching,
    put,
    succeed: (taskId, result, children = []) => put({ task_id: taskId, status: 'SUCCESS', result, children }),
    fail: (taskId, name) =>
      put({ task_id: taskId, status: 'FAILURE', result: { exc_type: name, exc_message: [taskId], exc_module: 'm' } }),
  }
}
