/** No result backend: what is stored vanishes, and asking for a result says what to configure. */
import { NoResultBackend } from '../errors.ts'
import type { GroupMeta, TaskMeta } from '../protocol/result.ts'
import type { BackendFactory, BackendFeatures, EncodedResult, ResultBackend, Watch } from './backend.ts'

const FEATURES: BackendFeatures = { persistent: false, shared: false, autoExpire: true }

/** For `disabled://`, and for apps that name no backend. */
export const disabledBackend: BackendFactory = {
  name: 'disabled',
  open: async () => new DisabledBackend(),
}

/** Writes do nothing; reads reject with `NoResultBackend`. */
export class DisabledBackend implements ResultBackend {
  readonly features: BackendFeatures = FEATURES
  readonly displayUrl = 'disabled://'
  readonly chordsRefused =
    'this app has no result backend; set the option "backend", for example to sqlite:///celeriac.db'

  encodeResult(meta: TaskMeta): EncodedResult {
    return { taskId: meta.task_id, status: meta.status, body: '' }
  }

  async storeResult(): Promise<void> {
    // Nobody can ask for it.
  }

  async getMeta(): Promise<TaskMeta | undefined> {
    throw new NoResultBackend()
  }

  async getMetas(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskMeta>> {
    // A worker asks for none, to see whether its backend can be had; it needs no backend to work.
    if (taskIds.length === 0) return new Map()
    throw new NoResultBackend()
  }

  watch(_taskIds: readonly string[], _onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch {
    let stopped = false
    queueMicrotask(() => {
      if (!stopped) onError(new NoResultBackend())
    })
    return {
      stop: () => {
        stopped = true
      },
    }
  }

  async forget(): Promise<void> {
    throw new NoResultBackend()
  }

  async saveGroup(): Promise<void> {
    throw new NoResultBackend()
  }

  async restoreGroup(): Promise<GroupMeta | undefined> {
    throw new NoResultBackend()
  }

  async deleteGroup(): Promise<void> {
    throw new NoResultBackend()
  }

  async cleanup(): Promise<number> {
    return 0
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
