import { describe, expect, it } from 'vitest'
import type { EncodedResult, ResultBackend } from '../../../src/backend/backend.ts'
import type { TaskMeta } from '../../../src/protocol/result.ts'
import type { TaskHead } from '../../../src/protocol/task.ts'
import { Execution } from '../../../src/task/execution.ts'
import type { ExecutionParts } from '../../../src/task/execution.ts'
import type { TaskOptions } from '../../../src/task/options.ts'
import { bareHead, NO_EMBED } from '../../../src/task/request.ts'
import { TaskDefinition } from '../../../src/task/task.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { traced } from '../../support/traced.ts'

interface Fixture {
  readonly execution: Execution
  readonly stored: TaskMeta[]
  readonly clock: FakeClock
}

interface Changes {
  readonly options?: TaskOptions
  readonly head?: Partial<TaskHead>
  readonly parts?: Partial<ExecutionParts>
  readonly eager?: boolean
}

function execution({ options = {}, head = {}, parts = {}, eager = false }: Changes = {}): Fixture {
  const { host } = traced()
  const clock = fakeClock()
  const stored: TaskMeta[] = []
  const backend = {
    encodeResult: (meta: TaskMeta): EncodedResult => ({
      taskId: meta.task_id,
      status: meta.status,
      body: meta as never,
    }),
  } as unknown as ResultBackend
  const fields = {
    head: { ...bareHead('proj.add', 'id-1'), rootId: undefined, ...head },
    args: [1],
    kwargs: { y: 2 },
    embed: NO_EMBED,
    message: { properties: { correlation_id: 'id-1' } },
    deliveryInfo: { exchange: '', routing_key: 'celery', priority: 3, redelivered: false },
    hostname: 'celery@test',
  }
  const control = {
    signal: new AbortController().signal,
    store: (result: EncodedResult) => Promise.resolve(void stored.push(result.body as never)),
    endPart: () => undefined,
  }
  const definition = new TaskDefinition('proj.add', (x: number, y: number) => x + y, options, host)
  const shared = { host, clock, backend, logger: silentLogger(), resultExtended: false, inheritPriority: false }
  return {
    execution: new Execution(definition, fields, control, { ...shared, joinWillBlock: true, ...parts }, eager),
    stored,
    clock,
  }
}

describe('an execution', () => {
  it('is what code below the task sees of it', () => {
    const one = execution().execution
    expect([one.taskId, one.rootId, one.priority, one.joinWillBlock, one.children]).toEqual([
      'id-1',
      'id-1',
      undefined,
      true,
      [],
    ])
    const other = execution({ head: { rootId: 'root' }, parts: { inheritPriority: true } }).execution
    expect([other.rootId, other.priority]).toEqual(['root', 3])
    expect(other.ended).toEqual({ id: 'id-1', rootId: 'root', embed: NO_EMBED, priority: 3 })
    expect(other.facts).toEqual({ taskId: 'id-1', task: 'proj.add', args: [1], kwargs: { y: 2 } })
    expect(other.label).toBe('proj.add[id-1]')
  })

  it('makes its context once, when it is asked for', async () => {
    const { execution: one, stored } = execution()
    const { context } = one
    expect(one.context).toBe(context)
    expect([context.request.id, context.request.correlationId]).toEqual(['id-1', 'id-1'])
    expect(context.signal).toBe(one.control.signal)
    await context.updateState({ state: 'PROGRESS' })
    expect(stored[0]).toMatchObject({ status: 'PROGRESS', result: null })
  })

  it('measures its time', async () => {
    const { execution: one, clock } = execution()
    await clock.advance(1500)
    expect(one.runtimeMs).toBe(1500)
  })

  it.each([
    [{}, true],
    [{ options: { ignoreResult: true } }, false],
    [{ head: { ignoreResult: true } }, false],
    [{ eager: true }, false],
    [{ eager: true, options: { storeEagerResult: true } }, true],
    [{ eager: true, options: { storeEagerResult: true }, head: { ignoreResult: true } }, false],
  ] satisfies [Changes, boolean][])('knows whether its result is wanted: %j', (changes, stores) => {
    expect(execution(changes).execution.stores).toBe(stores)
  })

  it('stores documents with what belongs to them', async () => {
    const { execution: one, stored } = execution({
      head: { group: 'g', parentId: 'p', stampedHeaders: ['tenant'], stamps: { tenant: 'acme' } },
    })
    one.children.push([['child', null], null])
    one.store('SUCCESS', 5, undefined)
    expect(stored).toEqual([
      {
        task_id: 'id-1',
        status: 'SUCCESS',
        result: 5,
        traceback: null,
        children: [[['child', null], null]],
        date_done: '2026-01-01T00:00:00+00:00',
        group_id: 'g',
        parent_id: 'p',
        stamped_headers: ['tenant'],
        tenant: 'acme',
      },
    ])
  })

  it('stores more with resultExtended', async () => {
    const { execution: one, stored } = execution({ parts: { resultExtended: true }, head: { retries: 2 } })
    one.store('SUCCESS', 5, undefined)
    expect(stored[0]).toMatchObject({
      name: 'proj.add',
      args: [1],
      kwargs: { y: 2 },
      worker: 'celery@test',
      retries: 2,
      queue: 'celery',
    })
  })
})
