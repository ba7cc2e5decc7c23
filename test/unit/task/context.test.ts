import { describe, expect, it } from 'vitest'
import { runInExecution } from '../../../src/context.ts'
import { MaxRetriesExceededError, Retry } from '../../../src/errors.ts'
import { currentTask, TaskContext } from '../../../src/task/context.ts'
import type { StateUpdate } from '../../../src/task/context.ts'
import { TaskRequest } from '../../../src/task/request.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { fakeHost } from '../../support/fake-host.ts'

interface Fixture {
  readonly context: TaskContext<string>
  readonly updates: StateUpdate[]
  readonly events: unknown[]
  readonly lines: string[]
  readonly asked: { signals: number }
}

function fixture(maxRetries: number | null = 3): Fixture {
  const updates: StateUpdate[] = []
  const events: unknown[] = []
  const lines: string[] = []
  const asked = { signals: 0 }
  const context = new TaskContext({
    app: 'the app',
    host: fakeHost().host,
    taskName: 'proj.add',
    request: TaskRequest.direct('proj.add', 'id-1', [1], 'celery@test'),
    limits: { maxRetries, defaultRetryDelay: 7 },
    logger: createLogger({ level: 'INFO', write: (record) => lines.push(record.message) }),
    signal: () => {
      asked.signals += 1
      return new AbortController().signal
    },
    storeState: (update) => updates.push(update),
    sendEvent: async (type, fields) => void events.push([type, fields]),
  })
  return { context, updates, events, lines, asked }
}

describe('a context', () => {
  it('sends events that name the task', async () => {
    const { context, events } = fixture()
    await context.sendEvent('task-progress', { done: 1 })
    await context.sendEvent('task-halfway')
    expect(events).toEqual([
      ['task-progress', { uuid: 'id-1', done: 1 }],
      ['task-halfway', { uuid: 'id-1' }],
    ])
  })

  it('has the app, the request and a logger that names the task', () => {
    const { context, lines } = fixture()
    expect([context.app, context.request.id]).toEqual(['the app', 'id-1'])
    context.log.info('halfway')
    expect(lines).toEqual(['proj.add[id-1]: halfway'])
    expect(context.log).toBe(context.log)
  })

  it('asks for the signal when the task does', () => {
    const { context, asked } = fixture()
    expect(asked.signals).toBe(0)
    expect(context.signal.aborted).toBe(false)
    expect(asked.signals).toBe(1)
  })

  it('plans new attempts within the limits of the task', () => {
    const plan = fixture().context.retry()
    expect(plan instanceof Retry && plan.plan.countdown).toBe(7)
    expect(fixture(0).context.retry({ countdown: 1 })).toBeInstanceOf(MaxRetriesExceededError)
  })

  it('stores states', async () => {
    const { context, updates } = fixture()
    await context.updateState({ state: 'PROGRESS', meta: { done: 1 } })
    expect(updates).toEqual([{ state: 'PROGRESS', meta: { done: 1 } }])
  })
})

describe('currentTask', () => {
  it('is the context of the task that this code runs in', () => {
    const { context } = fixture()
    const facts = { taskId: 'id-1', rootId: 'id-1', priority: undefined, children: [], joinWillBlock: true }
    expect(currentTask()).toBeUndefined()
    expect(runInExecution({ ...facts, context }, () => currentTask())).toBe(context)
    expect(runInExecution({ ...facts, context: {} }, () => currentTask())).toBeUndefined()
  })
})
