import { describe, expect, it } from 'vitest'
import type { ResultBackend, Watch } from '../../../src/backend/backend.ts'
import { runInExecution } from '../../../src/context.ts'
import { TaskError, TaskRevokedError } from '../../../src/errors.ts'
import type { ResultTuple, TaskMeta } from '../../../src/protocol/result.ts'
import { AsyncResult, resultFromTuple } from '../../../src/result/async-result.ts'
import type { ResultHost } from '../../../src/result/async-result.ts'

interface Backend {
  readonly host: ResultHost
  readonly forgotten: string[]
  readonly watching: () => number
  put(taskId: string, status: string, result: unknown, more?: Partial<TaskMeta>): void
  fail(error: Error): void
}

function backend(): Backend {
  const metas = new Map<string, TaskMeta>()
  const watches = new Set<{
    ids: readonly string[]
    onMeta: (meta: TaskMeta) => void
    onError: (error: Error) => void
  }>()
  const forgotten: string[] = []
  const store = {
    getMeta: (id: string) => Promise.resolve(metas.get(id)),
    forget: (ids: readonly string[]) => {
      forgotten.push(...ids)
      return Promise.resolve()
    },
    watch(ids: readonly string[], onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch {
      const entry = { ids, onMeta, onError }
      watches.add(entry)
      queueMicrotask(() => {
        for (const id of ids) {
          const meta = metas.get(id)
          if (meta !== undefined && watches.has(entry)) onMeta(meta)
        }
      })
      return { stop: () => void watches.delete(entry) }
    },
  } as unknown as ResultBackend
  return {
    host: { backend: () => Promise.resolve(store), revoke: () => Promise.resolve() },
    forgotten,
    watching: () => watches.size,
    put(taskId, status, result, more = {}) {
      const meta = { task_id: taskId, status, result, traceback: null, children: null, date_done: null, ...more }
      metas.set(taskId, meta)
      for (const { ids, onMeta } of [...watches]) if (ids.includes(taskId)) onMeta(meta)
    },
    fail(error) {
      for (const { onError } of [...watches]) onError(error)
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('get', () => {
  it('answers what is there, or waits for it', async () => {
    const { host, put, watching } = backend()
    put('a', 'SUCCESS', 5)
    expect(await new AsyncResult('a', host).get()).toBe(5)
    const waiting = new AsyncResult('b', host).get()
    await turn()
    put('b', 'STARTED', null)
    put('b', 'SUCCESS', 6)
    expect(await waiting).toBe(6)
    expect(watching()).toBe(0)
  })

  it('throws the error of the task, as one of ours or with all that is known of it', async () => {
    const { host, put } = backend()
    put(
      'a',
      'FAILURE',
      { exc_type: 'KeyError', exc_message: ['k'], exc_module: 'builtins' },
      { traceback: 'Traceback ...' },
    )
    const error = await new AsyncResult('a', host).get().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TaskError)
    expect(error).toMatchObject({ name: 'KeyError', module: 'builtins', args: ['k'], traceback: 'Traceback ...' })
    put('b', 'REVOKED', { exc_type: 'TaskRevokedError', exc_message: ['expired'], exc_module: 'celery.exceptions' })
    await expect(new AsyncResult('b', host).get()).rejects.toThrow(TaskRevokedError)
  })

  it('answers the error with propagate: false', async () => {
    const { host, put } = backend()
    put('a', 'FAILURE', { exc_type: 'KeyError', exc_message: ['k'], exc_module: 'builtins' })
    expect(await new AsyncResult('a', host).get({ propagate: false })).toMatchObject({ name: 'KeyError' })
  })

  it('gives up after its timeout, and says so', async () => {
    const { host, watching } = backend()
    const error = new AsyncResult('a', host).get({ timeout: 0.01 })
    await expect(error).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'The task a has not ended within 0.01 seconds',
    })
    expect(watching()).toBe(0)
  })

  it('gives up when its signal is aborted, also before', async () => {
    const { host, watching } = backend()
    const abort = new AbortController()
    const waiting = new AsyncResult('a', host).get({ signal: abort.signal })
    await turn()
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(new AsyncResult('a', host).get({ signal: abort.signal })).rejects.toThrow('enough')
    expect(watching()).toBe(0)
  })

  it('waits for ever with a timeout that never comes', async () => {
    const { host, put } = backend()
    const waiting = Promise.all([
      new AsyncResult('a', host).get({ timeout: Infinity }),
      new AsyncResult('a', host).get({ timeout: 3_000_000 }),
    ])
    // Longer than a timer that was set to such a number by mistake would take.
    await new Promise((resolve) => setTimeout(resolve, 5))
    put('a', 'SUCCESS', 1)
    expect(await waiting).toEqual([1, 1])
  })

  it('fails with what its listener throws', async () => {
    const { host, put, watching } = backend()
    const fail = (): never => {
      throw new Error('listener')
    }
    put('a', 'PROGRESS', null)
    await expect(new AsyncResult('a', host).get({ onMessage: fail })).rejects.toThrow('listener')
    expect(watching()).toBe(0)
  })

  it('fails with the backend', async () => {
    const { host, fail } = backend()
    const waiting = new AsyncResult('a', host).get()
    await turn()
    fail(new Error('backend away'))
    await expect(waiting).rejects.toThrow('backend away')
  })

  it('fails with a parent, however far up', async () => {
    const { host, put } = backend()
    const grandparent = new AsyncResult('g', host)
    const result = new AsyncResult('a', host, { parent: new AsyncResult('p', host, { parent: grandparent }) })
    const waiting = result.get()
    await turn()
    put('p', 'SUCCESS', 1)
    put('g', 'FAILURE', { exc_type: 'KeyError', exc_message: ['k'], exc_module: 'builtins' })
    await expect(waiting).rejects.toMatchObject({ name: 'KeyError' })
  })

  it('tells of what comes on the way', async () => {
    const { host, put } = backend()
    const seen: unknown[] = []
    const waiting = new AsyncResult('a', host).get({ onMessage: (meta) => seen.push(meta.result) })
    await turn()
    put('a', 'PROGRESS', { done: 1 })
    put('a', 'SUCCESS', 2)
    await waiting
    expect(seen).toEqual([{ done: 1 }, 2])
  })

  it('answers at once where no result was asked for', async () => {
    const { host } = backend()
    expect(await new AsyncResult('a', host, { ignored: true }).get()).toBeUndefined()
  })

  it('is refused inside a task, unless it is allowed', async () => {
    const { host, put } = backend()
    put('a', 'SUCCESS', 1)
    const execution = {
      taskId: 't',
      rootId: 't',
      priority: undefined,
      children: [],
      joinWillBlock: true,
      context: undefined,
    }
    const inTask = <T>(work: () => Promise<T>): Promise<T> => runInExecution(execution, work)
    await expect(inTask(() => new AsyncResult('a', host).get())).rejects.toThrow(
      'Never wait for a result inside a task',
    )
    expect(await inTask(() => new AsyncResult('a', host).get({ disableSyncSubtasks: false }))).toBe(1)
  })
})

describe('reading', () => {
  it('is PENDING for an id that nobody knows', async () => {
    const { host } = backend()
    const result = new AsyncResult('a', host)
    expect([await result.state(), await result.ready(), await result.result()]).toEqual(['PENDING', false, null])
  })

  it('knows state, value, traceback and children', async () => {
    const { host, put } = backend()
    const child: ResultTuple = [['c', null], null]
    put('a', 'SUCCESS', 1, { children: [child] })
    put('c', 'FAILURE', { exc_type: 'E', exc_message: [], exc_module: 'm' }, { traceback: 'tb' })
    const result = new AsyncResult('a', host)
    expect([await result.successful(), await result.failed(), await result.info()]).toEqual([true, false, 1])
    const [found] = await result.children()
    expect([found?.id, await found?.traceback(), await found?.failed()]).toEqual(['c', 'tb', true])
    expect(await result.graph()).toEqual(
      new Map([
        ['a', ['c']],
        ['c', []],
      ]),
    )
    const collected: unknown[] = []
    for await (const [one, value] of result.collect())
      collected.push([one.id, value instanceof Error ? value.name : value])
    expect(collected).toEqual([
      ['a', 1],
      ['c', 'E'],
    ])
  })

  it('does not collect what has not ended, unless it may', async () => {
    const { host } = backend()
    await expect(new AsyncResult('a', host).collect().next()).rejects.toMatchObject({ code: 'INCOMPLETE_STREAM' })
    const { value } = await new AsyncResult('a', host).collect({ intermediate: true }).next()
    expect((value as unknown[])[1]).toBeNull()
  })

  it('forgets itself and its parents', async () => {
    const { host, forgotten } = backend()
    await new AsyncResult('a', host, { parent: new AsyncResult('p', host) }).forget()
    expect(forgotten).toEqual(['a', 'p'])
  })

  it('travels as a tuple and back', () => {
    const { host } = backend()
    const result = new AsyncResult('a', host, { parent: new AsyncResult('p', host) })
    const tuple = JSON.parse(JSON.stringify({ result })) as { result: ResultTuple }
    expect(tuple.result).toEqual([['a', [['p', null], null]], null])
    expect(resultFromTuple(tuple.result, host).parent?.id).toBe('p')
  })
})
