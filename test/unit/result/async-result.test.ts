import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ResultBackend, Watch } from '../../../src/backend/backend.ts'
import { runInExecution } from '../../../src/context.ts'
import { BackendGetMetaError, TaskError, TaskRevokedError } from '../../../src/errors.ts'
import { groupTuple, taskTuple } from '../../../src/protocol/result.ts'
import type { ResultTuple, TaskMeta } from '../../../src/protocol/result.ts'
import { AsyncResult, resultFromTuple } from '../../../src/result/async-result.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import type { ResultHost } from '../../../src/result/result.ts'

interface Backend {
  readonly host: ResultHost
  /** The backend itself, to be spoilt. */
  readonly store: ResultBackend
  readonly revoked: (readonly string[])[]
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
  const revoked: (readonly string[])[] = []
  const store = {
    getMeta: (id: string) => Promise.resolve(metas.get(id)),
    getMetas: (ids: readonly string[]) =>
      Promise.resolve(new Map(ids.flatMap((id) => (metas.has(id) ? [[id, metas.get(id)]] : [])))),
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
    host: {
      backend: () => Promise.resolve(store),
      revoke: (ids) => {
        revoked.push(ids)
        return Promise.resolve()
      },
    },
    store,
    revoked,
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

  it('fails with the first of the parents that failed, also with one in the header of a chord', async () => {
    const { host, put } = backend()
    const failure = (name: string): unknown => ({ exc_type: name, exc_message: [], exc_module: 'm' })
    // The first of the header follows another task, which is still before it.
    const first = new AsyncResult('h1', host)
    const header = new GroupResult('g', [new AsyncResult('h2', host, { parent: first })], host)
    const body = new AsyncResult('b', host, { parent: header })
    put('h1', 'FAILURE', failure('EarlierError'))
    put('h2', 'FAILURE', failure('HeaderError'))
    const waiting = body.get()
    await turn()
    put('b', 'FAILURE', failure('ChordError'))
    await expect(waiting).rejects.toMatchObject({ name: 'EarlierError' })
    await expect(body.get({ followParents: false })).rejects.toMatchObject({ name: 'ChordError' })
    expect(await body.get({ propagate: false })).toMatchObject({ name: 'ChordError' })
  })

  it('fails with its own error where those of the parents cannot be read', async () => {
    const { host, put, store } = backend()
    put('a', 'FAILURE', { exc_type: 'E', exc_message: [], exc_module: 'm' })
    store.getMetas = () => Promise.reject(new BackendGetMetaError('called elsewhere', 'p'))
    const result = new AsyncResult('a', host, { parent: new AsyncResult('p', host) })
    await expect(result.get()).rejects.toMatchObject({ name: 'E' })
    store.getMetas = () => Promise.reject(new TypeError('broken'))
    await expect(result.get()).rejects.toThrow('broken')
  })

  it('waits for its own value where the errors of parents do not count', async () => {
    const { host, put } = backend()
    put('p', 'FAILURE', { exc_type: 'E', exc_message: [], exc_module: 'm' })
    const result = new AsyncResult('a', host, { parent: new AsyncResult('p', host) })
    const waiting = Promise.all([result.get({ propagate: false }), result.get({ followParents: false })])
    await turn()
    put('a', 'SUCCESS', 1)
    expect(await waiting).toEqual([1, 1])
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
    put('a', 'SUCCESS', 1, { children: [taskTuple('c'), groupTuple('g', [taskTuple('d')])] })
    put('c', 'FAILURE', { exc_type: 'E', exc_message: [], exc_module: 'm' }, { traceback: 'tb' })
    const result = new AsyncResult('a', host)
    expect([await result.successful(), await result.failed(), await result.info()]).toEqual([true, false, 1])
    const [child, group] = await result.children()
    expect(child).toBeInstanceOf(AsyncResult)
    expect([child?.id, await (child as AsyncResult).traceback(), await child?.failed()]).toEqual(['c', 'tb', true])
    expect(group).toBeInstanceOf(GroupResult)
    expect((group as GroupResult).results.map(({ id }) => id)).toEqual(['d'])
    expect([await result.exists(), await new AsyncResult('x', host).exists()]).toEqual([true, false])
    expect(await result.maybeThrow()).toBe(1)
    await expect((child as AsyncResult).maybeThrow()).rejects.toMatchObject({ name: 'E' })
  })

  it('knows its children only when it has ended, if it is asked so', async () => {
    const { host, put } = backend()
    const result = new AsyncResult('a', host)
    put('a', 'RETRY', null, { children: [taskTuple('a')] })
    expect(await result.childrenWhenReady()).toBeUndefined()
    put('a', 'SUCCESS', null, { children: [taskTuple('c')] })
    expect((await result.childrenWhenReady())?.map(({ id }) => id)).toEqual(['c'])
  })

  it('collects values as they come, callers first', async () => {
    const { host, put } = backend()
    const collected: unknown[] = []
    const collecting = (async () => {
      for await (const [{ id }, value] of new AsyncResult('a', host).collect()) collected.push([id, value])
    })()
    await turn()
    expect(collected).toEqual([])
    put('a', 'SUCCESS', 1, { children: [groupTuple('g', [taskTuple('c'), taskTuple('d')])] })
    put('d', 'SUCCESS', 4)
    put('c', 'SUCCESS', 3)
    await collecting
    expect(collected).toEqual([
      ['a', 1],
      ['g', [3, 4]],
      ['c', 3],
      ['d', 4],
    ])
    expect(await new AsyncResult('a', host).getLeaf()).toBe(4)
  })

  it('collects errors only where they are not thrown', async () => {
    const { host, put } = backend()
    put('a', 'FAILURE', { exc_type: 'E', exc_message: [], exc_module: 'm' })
    const result = new AsyncResult('a', host)
    await expect(result.collect().next()).rejects.toMatchObject({ name: 'E' })
    const { value } = await result.collect({ propagate: false }).next()
    expect(value).toEqual([result, expect.objectContaining({ name: 'E' })])
  })

  it('has a graph once all has ended, or before', async () => {
    const { host, put } = backend()
    put('a', 'SUCCESS', 1, { children: [taskTuple('c')] })
    const result = new AsyncResult('a', host)
    await expect(result.graph()).rejects.toMatchObject({ code: 'INCOMPLETE_STREAM' })
    const { edges } = await result.graph({ intermediate: true })
    expect(Object.fromEntries(edges)).toEqual({ a: ['c'], c: [] })
    put('c', 'SUCCESS', 1)
    expect((await result.graph()).toDot()).toContain('"a" -> "c"')
    const steps: string[] = []
    for await (const [, { id }] of result.iterdeps()) steps.push(id)
    expect(steps).toEqual(['a', 'c'])
  })

  it('forgets itself and its parents', async () => {
    const { host, forgotten } = backend()
    await new AsyncResult('a', host, { parent: new AsyncResult('p', host) }).forget()
    expect(forgotten).toEqual(['a', 'p'])
  })

  it('forgets the header of its chord', async () => {
    const { host, forgotten } = backend()
    const header = new GroupResult('g', [new AsyncResult('h1', host), new AsyncResult('h2', host)], host)
    await new AsyncResult('b', host, { parent: header }).forget()
    expect(forgotten).toEqual(['b', 'h1', 'h2'])
  })

  it('is revoked alone, or with all that it follows', async () => {
    const { host, revoked } = backend()
    const result = new AsyncResult('a', host, { parent: new AsyncResult('p', host) })
    await result.revoke({ terminate: true })
    await result.revoke({ parents: true })
    expect(revoked).toEqual([['a'], ['a', 'p']])
  })

  it('travels as a tuple and back', () => {
    const { host } = backend()
    const result = new AsyncResult('a', host, { parent: new AsyncResult('p', host) })
    const tuple = JSON.parse(JSON.stringify({ result })) as { result: ResultTuple }
    expect(tuple.result).toEqual([['a', [['p', null], null]], null])
    expect(resultFromTuple(tuple.result, host).parent?.id).toBe('p')
    expect(result.asList()).toEqual(['a', 'p'])
  })

  it('travels so whatever tree it is', () => {
    const { host } = backend()
    const { tree } = fc.letrec<{ tree: ResultTuple }>((tie) => ({
      tree: fc.tuple(
        fc.tuple(fc.string(), fc.option(tie('tree'), { maxDepth: 3 })),
        fc.option(fc.array(tie('tree'), { maxLength: 3 }), { maxDepth: 3 }),
      ),
    }))
    fc.assert(
      fc.property(tree, (tuple) => {
        const result = resultFromTuple(tuple, host)
        expect(result.asTuple()).toEqual(tuple)
        expect(JSON.parse(JSON.stringify([result]))).toEqual([tuple])
        expect(result instanceof GroupResult).toBe(tuple[1] !== null)
      }),
    )
  })

  it('comes back from a line of parents that is longer than the stack is deep', () => {
    const { host } = backend()
    let tuple = taskTuple('0')
    for (let index = 1; index < 100_000; index += 1) tuple = taskTuple(String(index), tuple)
    expect(resultFromTuple(tuple, host).asList()).toHaveLength(100_000)
  })
})
