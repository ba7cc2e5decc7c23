/** The `prefork` pool: its children are processes, so that one which crashes or is killed takes only its own job along. */
import { ChildPool } from './child-pool.ts'
import type { ChildPoolOptions } from './child-pool.ts'
import { ChildProcess } from './child-process.ts'

export class PreforkPool extends ChildPool {
  readonly isolated = true

  /** Throws `ImproperlyConfigured` where children could not import the app. */
  constructor(options: ChildPoolOptions) {
    super(options, {
      pool: 'prefork',
      childName: 'ForkPoolWorker',
      createChild: (child, listener) => new ChildProcess(child, listener),
    })
  }

  override info(): Readonly<Record<string, unknown>> {
    const { children, ...facts } = this.facts()
    return {
      implementation: 'celeriac.worker.pool.prefork:PreforkPool',
      ...facts,
      processes: children.map(({ pid }) => pid),
      'put-guarded-by-semaphore': true,
      // Limits come with each job here.
      timeouts: [0, 0],
      writes: describeWrites(children),
    }
  }
}

/** Celery's `human_write_stats`: how the jobs were spread over the children. */
function describeWrites(
  children: readonly { readonly jobs: number; readonly isBusy: boolean }[],
): Readonly<Record<string, unknown>> {
  const counts = children.map((child) => child.jobs)
  const total = counts.reduce((sum, count) => sum + count, 0)
  const share = (count: number): string => (total === 0 ? 0 : count / total).toFixed(2)
  return {
    total,
    avg: share(total / Math.max(counts.length, 1)),
    all: counts.map(share).join(', '),
    raw: counts.join(', '),
    strategy: 'fair',
    inqueues: { total: counts.length, active: children.filter((child) => child.isBusy).length },
  }
}
