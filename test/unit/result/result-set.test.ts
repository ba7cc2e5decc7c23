import { afterEach, describe, expect, it } from 'vitest'
import { runInExecution } from '../../../src/context.ts'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { EagerResult } from '../../../src/result/eager-result.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import { ResultSet } from '../../../src/result/result-set.ts'
import { RESULT_STORES, resultPlace } from '../../support/results.ts'
import type { ResultPlace } from '../../support/results.ts'
import { waitFor } from '../../support/wait-for.ts'

const places: ResultPlace[] = []
afterEach(async () => {
  for (const { backend } of places.splice(0)) await backend.close()
})

interface Given extends ResultPlace {
  readonly set: ResultSet
  task(id: string): AsyncResult
}

async function given(ids: readonly string[], store?: (typeof RESULT_STORES)[number]): Promise<Given> {
  const place = await resultPlace(store)
  places.push(place)
  const task = (id: string): AsyncResult => new AsyncResult(id, place.host)
  return { ...place, task, set: new ResultSet(ids.map(task), place.host) }
}

describe('members', () => {
  it('are a list that can change', async () => {
    const { set, task } = await given(['a', 'b'])
    set.add(task('b'))
    set.add(task('c'))
    set.update([task('a'), task('d'), task('d')])
    expect([...set].map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
    expect([set.length, set.at(0)?.id, set.at(-1)?.id, set.results[1]?.id, set.at(4)]).toEqual([
      4,
      'a',
      'd',
      'b',
      undefined,
    ])
    set.remove('a')
    set.remove(task('c'))
    expect(() => {
      set.remove('a')
    }).toThrow('The result a is not a member of this set')
    expect([set.discard('a'), set.discard(task('b'))]).toEqual([false, true])
    expect(set.results.map(({ id }) => id)).toEqual(['d'])
    set.clear()
    expect(set.length).toBe(0)
  })

  it('are its own, not those of the list it was made of', async () => {
    const { host, task } = await given([])
    const list = [task('a')]
    const set = new ResultSet(list, host)
    set.clear()
    expect(list).toHaveLength(1)
  })
})

describe('what is known so far', () => {
  const facts = async (set: ResultSet): Promise<unknown> => ({
    ready: await set.ready(),
    waiting: await set.waiting(),
    successful: await set.successful(),
    failed: await set.failed(),
    completed: await set.completedCount(),
  })

  it.each(RESULT_STORES)('is read in few round trips: %s', async (store) => {
    const { set, asked, succeed, fail } = await given(['a', 'b', 'c'], store)
    expect(await facts(set)).toEqual({ ready: false, waiting: true, successful: false, failed: false, completed: 0 })
    expect(asked.getMetas).toBe(5)
    await succeed('a', 1)
    await fail('b', 'E')
    expect(await facts(set)).toEqual({ ready: false, waiting: true, successful: false, failed: true, completed: 1 })
    await succeed('c', 1)
    expect(await facts(set)).toEqual({ ready: true, waiting: false, successful: false, failed: true, completed: 2 })
    set.remove('b')
    expect(await facts(set)).toEqual({ ready: true, waiting: false, successful: true, failed: false, completed: 2 })
  })

  it('counts a group as one, when all of it has ended well', async () => {
    const { set, host, task, succeed } = await given(['a'])
    set.add(new GroupResult('g', [task('b'), task('c')], host))
    for (const id of ['a', 'b']) await succeed(id, 1)
    expect(await set.completedCount()).toBe(1)
    await succeed('c', 1)
    expect(await set.completedCount()).toBe(2)
  })

  it('is true of no members without a question', async () => {
    const { set, asked } = await given([])
    expect(await facts(set)).toEqual({ ready: true, waiting: false, successful: true, failed: false, completed: 0 })
    expect([await set.get(), asked]).toEqual([[], { watch: 0, getMetas: 0 }])
  })

  it('can be an error', async () => {
    const { set, succeed, fail } = await given(['a', 'b', 'c'])
    await succeed('a', 1)
    await expect(set.maybeThrow()).resolves.toBeUndefined()
    await fail('c', 'CError')
    await expect(set.maybeThrow()).rejects.toMatchObject({ name: 'CError' })
    await fail('b', 'BError')
    await expect(set.maybeThrow()).rejects.toMatchObject({ name: 'BError' })
  })
})

describe('get', () => {
  it.each(RESULT_STORES)('answers all values in order, with one watch: %s', async (store) => {
    const { set, host, task, asked, watching, succeed } = await given(['a', 'b'], store)
    set.add(new GroupResult('g', [task('c'), new GroupResult('h', [task('d')], host)], host))
    await succeed('b', 2)
    const waiting = set.get()
    for (const [id, value] of Object.entries({ d: 4, c: 3, a: 1 })) await succeed(id, value)
    expect(await waiting).toEqual([1, 2, [3, [4]]])
    expect([asked, watching()]).toEqual([{ watch: 1, getMetas: 0 }, 0])
    expect(await set.join()).toEqual([1, 2, [3, [4]]])
  })

  it('throws the first error that comes, and waits no longer', async () => {
    const { set, fail, watching } = await given(['a', 'b'])
    const waiting = set.get()
    await fail('b', 'E')
    await expect(waiting).rejects.toMatchObject({ name: 'E' })
    expect(watching()).toBe(0)
  })

  it('puts errors in the places of values with propagate: false', async () => {
    const { set, fail, succeed, put } = await given(['a', 'b', 'c'])
    const revoked = { exc_type: 'TaskRevokedError', exc_message: ['r'], exc_module: 'celery.exceptions' }
    await fail('a', 'E')
    await put({ task_id: 'b', status: 'REVOKED', result: revoked })
    await put({ task_id: 'c', status: 'RETRY', result: revoked })
    const waiting = set.get({ propagate: false })
    await succeed('c', 3)
    expect(await waiting).toMatchObject([{ name: 'E' }, { name: 'TaskRevokedError' }, 3])
  })

  it('has one time for all, and says how many are missing', async () => {
    const { set, succeed, watching } = await given(['a', 'b', 'c'])
    await succeed('a', 1)
    await expect(set.get({ timeout: 0.05 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: '2 of 3 results have not come within 0.05 seconds',
    })
    expect(watching()).toBe(0)
  })

  it('gives up when its signal is aborted', async () => {
    const { set } = await given(['a'])
    await expect(set.get({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  it('hands values to a callback as they come, and keeps none', async () => {
    const { set, host, task, succeed } = await given(['a', 'b'])
    set.add(new GroupResult('g', [task('c')], host))
    const seen: unknown[] = []
    const waiting = set.get({ callback: (id, value) => seen.push([id, value]) })
    await succeed('b', 2)
    await waitFor(() => seen.length === 1, { what: 'the first value' })
    await succeed('c', 3)
    await waitFor(() => seen.length === 2, { what: 'the second value' })
    await succeed('a', 1)
    expect(await waiting).toEqual([])
    expect(seen).toEqual([
      ['b', 2],
      ['g', [3]],
      ['a', 1],
    ])
    const callback = (): never => {
      throw new Error('callback')
    }
    await expect(set.get({ callback })).rejects.toThrow('callback')
  })

  it('tells of what comes on the way', async () => {
    const { set, put, succeed } = await given(['a'])
    const seen: unknown[] = []
    const waiting = set.get({ onMessage: ({ status }) => seen.push(status) })
    await put({ task_id: 'a', status: 'PROGRESS' })
    await waitFor(() => seen.length === 1, { what: 'the progress' })
    await succeed('a', 1)
    await waiting
    expect(seen).toEqual(['PROGRESS', 'SUCCESS'])
  })

  it('is refused inside a task, unless it is allowed', async () => {
    const { set, succeed } = await given(['a'])
    await succeed('a', 1)
    const facts = { taskId: 't', rootId: 't', priority: undefined, children: [], context: undefined }
    const inTask = <T>(work: () => Promise<T>): Promise<T> => runInExecution({ ...facts, joinWillBlock: true }, work)
    await expect(inTask(() => set.get())).rejects.toThrow('Never wait for a result inside a task')
    await expect(inTask(() => set.iterate().next())).rejects.toThrow('Never wait for a result inside a task')
    expect(await inTask(() => set.get({ disableSyncSubtasks: false }))).toEqual([1])
  })

  it('needs no backend for what ran here, or has no result', async () => {
    const { set, host, asked } = await given([])
    set.add(new EagerResult('a', host, { state: 'SUCCESS', value: 1, traceback: undefined }))
    set.add(new EagerResult('b', host, { state: 'IGNORED', value: undefined, traceback: undefined }))
    set.add(new AsyncResult('c', host, { ignored: true }))
    expect(await set.get()).toEqual([1, undefined, undefined])
    const error = new Error('here')
    set.add(new EagerResult('d', host, { state: 'FAILURE', value: error, traceback: undefined }))
    await expect(set.get()).rejects.toBe(error)
    expect(await set.get({ propagate: false })).toEqual([1, undefined, undefined, error])
    set.discard('c')
    expect([await set.failed(), await set.completedCount(), asked]).toEqual([true, 1, { watch: 0, getMetas: 0 }])
  })
})

describe('iteration', () => {
  it.each(RESULT_STORES)('goes over members as they come, with one watch: %s', async (store) => {
    const { set, asked, watching, succeed, fail } = await given(['a', 'b', 'c'], store)
    await succeed('b', 2)
    const seen: unknown[] = []
    for await (const [{ id }, value] of set) {
      seen.push([id, value instanceof Error ? value.name : value])
      if (id === 'b') await fail('c', 'E')
      if (id === 'c') await succeed('a', 1)
    }
    expect(seen).toEqual([
      ['b', 2],
      ['c', 'E'],
      ['a', 1],
    ])
    expect([asked, watching()]).toEqual([{ watch: 1, getMetas: 0 }, 0])
  })

  it('can be left', async () => {
    const { set, succeed, watching } = await given(['a', 'b'])
    await succeed('a', 1)
    for await (const [{ id }] of set) {
      expect(id).toBe('a')
      break
    }
    await waitFor(() => watching() === 0, { what: 'the watch to end' })
  })

  it('hands out what has come before it gives up', async () => {
    const { set, succeed } = await given(['a', 'b'])
    await succeed('a', 1)
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const [, value] of set.iterate({ timeout: 0.05 })) seen.push(value)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(seen).toEqual([1])
  })
})

describe('all at once', () => {
  it('forgets the results and what they follow', async () => {
    const { set, host, task, succeed, backend } = await given(['a'])
    set.add(new AsyncResult('b', host, { parent: task('p') }))
    for (const id of ['a', 'b', 'p', 'x']) await succeed(id, 1)
    await set.forget()
    expect([...(await backend.getMetas(['a', 'b', 'p', 'x'])).keys()]).toEqual(['x'])
  })

  it('revokes the tasks, and the steps before them', async () => {
    const { set, host, task, revoked } = await given(['a'])
    set.add(new GroupResult('g', [new AsyncResult('b', host, { parent: task('p') })], host))
    await set.revoke({ terminate: true })
    expect(revoked).toEqual([{ ids: ['a', 'b', 'p'], options: { terminate: true } }])
  })
})

describe('ten thousand members', () => {
  it.each(RESULT_STORES)('are one watch and ten questions: %s', async (store) => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `t${String(index)}`)
    const { set, asked, succeed } = await given(ids, store)
    const waiting = set.get()
    await Promise.all(ids.map((id, index) => succeed(id, index)))
    expect(await waiting).toEqual(ids.map((_, index) => index))
    expect(await set.successful()).toBe(true)
    expect(asked).toEqual({ watch: 1, getMetas: 10 })
    let count = 0
    for await (const [, value] of set) count += Number(value)
    expect(count).toBe((10_000 * 9999) / 2)
    await set.forget()
    expect(await set.completedCount()).toBe(0)
  })
})
