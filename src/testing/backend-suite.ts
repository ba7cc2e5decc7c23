/**
 * What every result backend must do, as tests. Whoever writes a backend runs this over it: hand in the runner's
 * `describe` and `it`, and a function that makes a store to test against.
 */
import assert from 'node:assert/strict'
import type { ResultBackend } from '../backend/backend.ts'
import { storeResult } from '../backend/storing.ts'
import { CeleryError } from '../errors.ts'
import type { ResultTuple, TaskMeta } from '../protocol/result.ts'
import { FAILURE, RETRY, STARTED, SUCCESS } from '../protocol/states.ts'
import { testChords } from './chord-suite.ts'
import { until } from './suite.ts'
import type { TestRunner } from './suite.ts'

/** A store with nothing in it, made for one test. */
export interface StoreUnderTest {
  /**
   * A new backend over the store, whose documents expire after so many milliseconds (default never). It must have a
   * serializer for JSON's values. The suite closes it.
   */
  open(resultExpiresMs?: number): Promise<ResultBackend>
  /** Called after the test, when all backends are closed. */
  remove(): Promise<void>
}

export interface BackendSuiteOptions {
  readonly name: string
  setup(): Promise<StoreUnderTest>
  /** The shortest time to live that the store can count, in milliseconds. Default 50. */
  readonly shortestExpiryMs?: number
  /**
   * Results are messages to one process: of the backends of one store only the one that was opened first reads them, and
   * nothing is stored. Default false.
   */
  readonly oneReader?: boolean
  /** It has `chords`. Default true. */
  readonly countsChords?: boolean
}

/** Declare the suite with the runner's functions. */
export function testBackend(runner: TestRunner, options: BackendSuiteOptions): void {
  const { shortestExpiryMs = 50, oneReader = false, countsChords = true } = options
  runner.describe(`result backend ${options.name}`, () => {
    const test: Test = (name, body) => {
      runner.it(name, async () => {
        const store = await options.setup()
        const open: ResultBackend[] = []
        try {
          await body(async (resultExpiresMs) => {
            const backend = await store.open(resultExpiresMs)
            open.push(backend)
            return backend
          })
        } finally {
          await Promise.all(open.map((backend) => backend.close()))
          await store.remove()
        }
      })
    }
    runner.describe('documents', () => {
      testDocuments(test)
    })
    runner.describe('states', () => {
      testStates(test)
    })
    runner.describe('watching', () => {
      testWatching(test)
    })
    runner.describe('ends', () => {
      testEnds(test)
    })
    if (oneReader) return
    runner.describe('groups', () => {
      testGroups(test)
    })
    runner.describe('expiry', () => {
      testExpiry(test, shortestExpiryMs)
    })
    if (!countsChords) return
    runner.describe('chords', () => {
      testChords(test, shortestExpiryMs)
    })
  })
}

type Open = (resultExpiresMs?: number) => Promise<ResultBackend>
type Test = (name: string, body: (open: Open) => Promise<void>) => void

function meta(taskId: string, more: Partial<TaskMeta> = {}): TaskMeta {
  return {
    status: SUCCESS,
    result: null,
    traceback: null,
    children: [],
    date_done: '2026-01-01T00:00:00.000000+00:00',
    task_id: taskId,
    ...more,
  }
}

function store(backend: ResultBackend, document: TaskMeta): Promise<void> {
  return storeResult(backend, backend.encodeResult(document))
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => CeleryError.isCeleryError(error) && error.code === code
}

/** Collects what a watch tells. */
class Observer {
  readonly metas: TaskMeta[] = []
  readonly errors: Error[] = []
  readonly onMeta = (document: TaskMeta): void => {
    this.metas.push(document)
  }
  readonly onError = (error: Error): void => {
    this.errors.push(error)
  }

  /** The newest state of each task. */
  get states(): ReadonlyMap<string, string> {
    return new Map(this.metas.map((document) => [document.task_id, document.status]))
  }
}

function testDocuments(test: Test): void {
  test('an id that is not known has no document', async (open) => {
    const backend = await open()
    assert.equal(await backend.getMeta('nobody'), undefined)
    assert.equal((await backend.getMetas(['nobody', 'no-one'])).size, 0)
    assert.equal((await backend.getMetas([])).size, 0)
  })

  test('a document comes back whole', async (open) => {
    const backend = await open()
    const children: ResultTuple[] = [[['child', [['t1', null], null]], null]]
    const full = meta('t1', {
      result: { list: [1, 2.5, -3, true, null, 'é🥕'], nested: { deep: [[]] } },
      children,
      group_id: 'g1',
      parent_id: 'p1',
      name: 'proj.add',
      args: [1, 2],
      kwargs: { x: 1 },
      worker: 'w@h',
      retries: 2,
      queue: 'celery',
      stamped_headers: ['trace'],
      trace: 'abc',
      from_the_future: 1,
    })
    await store(backend, full)
    assert.deepEqual(await backend.getMeta('t1'), full)
  })

  for (const result of [null, 0, '', false, 'text', [], {}, 1e300, '\u0000'.repeat(3)]) {
    test(`the result ${JSON.stringify(result)}`, async (open) => {
      const backend = await open()
      await store(backend, meta('t1', { result }))
      assert.deepEqual((await backend.getMeta('t1'))?.result, result)
    })
  }

  test('an exception', async (open) => {
    const backend = await open()
    const failure = meta('t1', {
      status: FAILURE,
      result: { exc_type: 'ValueError', exc_message: ['bad moon'], exc_module: 'builtins' },
      traceback: 'Traceback (most recent call last):\n  ...',
    })
    await store(backend, failure)
    assert.deepEqual(await backend.getMeta('t1'), failure)
  })

  test('a result of 1 MiB', async (open) => {
    const backend = await open()
    const result = 'ä'.repeat(512 * 1024)
    await store(backend, meta('t1', { result }))
    assert.ok((await backend.getMeta('t1'))?.result === result)
  })

  test('many documents of one turn, and all of them at once', async (open) => {
    const backend = await open()
    const ids = Array.from({ length: 500 }, (_, index) => `t${String(index)}`)
    await Promise.all(ids.map((id, index) => store(backend, meta(id, { result: index }))))
    const metas = await backend.getMetas([...ids, 'nobody'])
    assert.equal(metas.size, 500)
    for (const [index, id] of ids.entries()) assert.equal(metas.get(id)?.result, index)
  })

  test('what was encoded by one backend another one stores', async (open) => {
    const [one, other] = [await open(), await open()]
    await storeResult(other, one.encodeResult(meta('t1', { result: 42 })))
    assert.equal((await one.getMeta('t1'))?.result, 42)
  })

  test('a value that has no form is an EncodeError', async (open) => {
    const backend = await open()
    assert.throws(() => backend.encodeResult(meta('t1', { result: Symbol('none') })), hasCode('ENCODE_ERROR'))
  })
}

function testStates(test: Test): void {
  test('the newest document counts', async (open) => {
    const backend = await open()
    for (const status of [STARTED, 'PROGRESS', RETRY, FAILURE, SUCCESS]) {
      await store(backend, meta('t1', { status, result: status }))
      assert.equal((await backend.getMeta('t1'))?.status, status)
    }
  })

  test('a stored success stays', async (open) => {
    const backend = await open()
    await store(backend, meta('t1', { result: 'first' }))
    for (const status of [STARTED, FAILURE, RETRY, SUCCESS])
      await store(backend, meta('t1', { status, result: 'later' }))
    assert.equal((await backend.getMeta('t1'))?.status, SUCCESS)
    assert.equal((await backend.getMeta('t1'))?.result, 'first')
  })

  test('documents of one turn count in their order', async (open) => {
    const backend = await open()
    const statuses = [STARTED, FAILURE, SUCCESS, STARTED]
    await Promise.all(statuses.map((status) => store(backend, meta('t1', { status, result: status }))))
    assert.equal((await backend.getMeta('t1'))?.result, SUCCESS)
    await Promise.all([STARTED, 'PROGRESS'].map((status) => store(backend, meta('t2', { status }))))
    assert.equal((await backend.getMeta('t2'))?.status, 'PROGRESS')
  })

  test('a forgotten document is gone, and can be stored anew', async (open) => {
    const backend = await open()
    await store(backend, meta('t1', { result: 1 }))
    await store(backend, meta('t2', { result: 2 }))
    await backend.forget(['t1', 'nobody'])
    assert.equal(await backend.getMeta('t1'), undefined)
    assert.equal((await backend.getMeta('t2'))?.result, 2)
    await store(backend, meta('t1', { result: 'new' }))
    assert.equal((await backend.getMeta('t1'))?.result, 'new')
  })
}

function testWatching(test: Test): void {
  test('a watch tells of the document that is there', async (open) => {
    const backend = await open()
    await store(backend, meta('t1', { result: 1 }))
    const observer = new Observer()
    const watch = backend.watch(['t1', 'nobody'], observer.onMeta, observer.onError)
    await until('the document was told', () => observer.metas.length > 0)
    assert.deepEqual(observer.metas[0], meta('t1', { result: 1 }))
    watch.stop()
  })

  test('a watch tells of documents as they come, by whomever', async (open) => {
    const [backend, writer] = [await open(), await open()]
    const observer = new Observer()
    const watch = backend.watch(['t1', 't2'], observer.onMeta, observer.onError)
    for (const status of [STARTED, 'PROGRESS', SUCCESS]) {
      await store(writer, meta('t1', { status }))
      await until(`${status} was told`, () => observer.states.get('t1') === status)
    }
    await store(writer, meta('t2'))
    await until('the other was told', () => observer.states.get('t2') === SUCCESS)
    assert.deepEqual(observer.errors, [])
    watch.stop()
  })

  test('the last of documents that follow one another quickly is told', async (open) => {
    const backend = await open()
    const observer = new Observer()
    const watch = backend.watch(['t1'], observer.onMeta, observer.onError)
    const writes = Array.from({ length: 50 }, (_, index) =>
      store(backend, meta('t1', { status: 'PROGRESS', result: index })),
    )
    await Promise.all([...writes, store(backend, meta('t1', { result: 'end' }))])
    await until('the last was told', () => observer.metas.at(-1)?.result === 'end')
    watch.stop()
  })

  test('many watches of one document, and one watch of many', async (open) => {
    const backend = await open()
    const ids = Array.from({ length: 100 }, (_, index) => `t${String(index)}`)
    const observers = [new Observer(), new Observer()]
    const watches = observers.map((observer) => backend.watch(ids, observer.onMeta, observer.onError))
    await Promise.all(ids.map((id) => store(backend, meta(id))))
    for (const observer of observers) await until('all were told', () => observer.states.size === ids.length)
    for (const watch of watches) watch.stop()
  })

  test('a stopped watch tells nothing; others go on', async (open) => {
    const backend = await open()
    const [stopped, other] = [new Observer(), new Observer()]
    const watch = backend.watch(['t1'], stopped.onMeta, stopped.onError)
    const otherWatch = backend.watch(['t1'], other.onMeta, other.onError)
    watch.stop()
    watch.stop()
    await store(backend, meta('t1'))
    await until('the other was told', () => other.metas.length > 0)
    assert.deepEqual(stopped.metas, [])
    otherWatch.stop()
  })

  test('a watch may be stopped by what it tells', async (open) => {
    const backend = await open()
    await store(backend, meta('t1'))
    await store(backend, meta('t2'))
    const told: string[] = []
    const other = new Observer()
    const watch = backend.watch(
      ['t1', 't2'],
      (document) => {
        told.push(document.task_id)
        watch.stop()
      },
      other.onError,
    )
    const otherWatch = backend.watch(['t1', 't2'], other.onMeta, other.onError)
    await until('both were told to the other', () => other.states.size === 2)
    assert.equal(told.length, 1)
    otherWatch.stop()
  })
}

function testGroups(test: Test): void {
  const group: ResultTuple = [
    ['g1', null],
    [
      [['t1', [['g1', null], null]], null],
      [['t2', null], null],
    ],
  ]

  test('a group is saved, restored and deleted', async (open) => {
    const backend = await open()
    assert.equal(await backend.restoreGroup('g1'), undefined)
    await backend.saveGroup('g1', { result: group })
    assert.deepEqual(await backend.restoreGroup('g1'), { result: group })
    await backend.deleteGroup('g1')
    await backend.deleteGroup('g1')
    assert.equal(await backend.restoreGroup('g1'), undefined)
  })

  test('a group saved again is the new one, and no task of the same id', async (open) => {
    const backend = await open()
    await backend.saveGroup('g1', { result: group })
    await backend.saveGroup('g1', { result: [['g1', null], []] })
    assert.deepEqual(await backend.restoreGroup('g1'), { result: [['g1', null], []] })
    assert.equal(await backend.getMeta('g1'), undefined)
  })
}

function testExpiry(test: Test, shortestExpiryMs: number): void {
  test('expired documents vanish, by themselves or by cleanup; others stay', async (open) => {
    const [lasting, passing] = [await open(), await open(shortestExpiryMs)]
    await store(lasting, meta('stays'))
    await store(passing, meta('t1'))
    await store(passing, meta('t2', { status: STARTED }))
    await passing.saveGroup('g1', { result: [['g1', null], []] })
    let removed = 0
    await until('they are gone', async () => {
      removed += await passing.cleanup()
      const gone = (await passing.getMetas(['t1', 't2'])).size === 0
      return gone && (await passing.restoreGroup('g1')) === undefined
    })
    if (!passing.features.autoExpire) assert.equal(removed, 3)
    await lasting.cleanup()
    assert.equal((await lasting.getMeta('stays'))?.status, SUCCESS)
  })

  test('an expired success does not stand in the way of a new document', async (open) => {
    const backend = await open(shortestExpiryMs)
    await store(backend, meta('t1', { result: 'old' }))
    await until('it is gone', async () => {
      await backend.cleanup()
      return (await backend.getMeta('t1')) === undefined
    })
    const other = await open()
    await store(other, meta('t1', { status: STARTED }))
    assert.equal((await other.getMeta('t1'))?.status, STARTED)
  })
}

function testEnds(test: Test): void {
  test('a close may come twice, and does first what was asked for before', async (open) => {
    const [other, backend] = [await open(), await open()]
    const writing = store(backend, meta('t1'))
    await backend.close()
    await backend.close()
    await writing
    assert.equal((await other.getMeta('t1'))?.status, SUCCESS)
  })

  test('a close ends the watches with an error, so that nobody waits for ever', async (open) => {
    const backend = await open()
    const observer = new Observer()
    backend.watch(['t1'], observer.onMeta, observer.onError)
    await backend.getMeta('t1')
    await backend.close()
    await until('the watch has failed', () => observer.errors.length === 1)
    assert.match(String(observer.errors[0]), /closed/)
  })

  test('its URL can be shown', async (open) => {
    const backend = await open()
    assert.match(backend.displayUrl, /^[\w+]+:/)
  })
}
