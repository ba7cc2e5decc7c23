import { describe, expect, it } from 'vitest'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import {
  ConnectionError,
  Ignore,
  Reject,
  SoftTimeLimitExceeded,
  Terminated,
  WorkerShutdown,
} from '../../../src/errors.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import { currentTask } from '../../../src/task/context.ts'
import type { TaskContext } from '../../../src/task/context.ts'
import { backendContext } from '../../support/context.ts'
import { traced } from '../../support/traced.ts'

const add = (x: number, y: number): number => x + y

describe('a task that returns', () => {
  it('stores its result and says so', async () => {
    const { task, run, stored } = traced()
    task('proj.add', {}, add)
    expect(await run({ name: 'proj.add', args: [2, 3] })).toMatchObject({ kind: 'success', resultRepr: '5' })
    expect(stored).toEqual([expect.objectContaining({ task_id: 'id-1', status: 'SUCCESS', result: 5, children: [] })])
  })

  it('binds named arguments', async () => {
    const { task, run, stored } = traced()
    task('proj.sub', {}, (x: number, y: number) => x - y)
    await run({ name: 'proj.sub', kwargs: { y: 1, x: 10 } })
    expect(stored[0]?.result).toBe(9)
  })

  it('stores nothing when the task or the call wants no result', async () => {
    const { task, run, stored } = traced()
    task('proj.quiet', { ignoreResult: true }, add)
    task('proj.add', {}, add)
    await run({ name: 'proj.quiet', args: [1, 1] })
    await run({ name: 'proj.add', args: [1, 1], ignoreResult: true })
    expect(stored).toEqual([])
  })

  it('stores STARTED first with trackStarted, and more with resultExtended', async () => {
    const { task, run, stored } = traced({ resultExtended: true })
    task('proj.add', { trackStarted: true }, add)
    await run({ name: 'proj.add', args: [1, 1] })
    expect(stored.map((meta) => meta.status)).toEqual(['STARTED', 'SUCCESS'])
    expect(stored[0]?.result).toEqual({ pid: process.pid, hostname: 'celery@test' })
    expect(stored[1]).toMatchObject({
      name: 'proj.add',
      args: [1, 1],
      worker: 'celery@test',
      retries: 0,
      queue: 'celery',
    })
  })

  it('calls what follows before it stores the result, so that the children are known', async () => {
    const { task, run, stored, calls } = traced()
    task('proj.add', {}, add)
    let storedBefore = -1
    const link = signatureData({ task: 'proj.next' })
    task('proj.first', { onSuccess: () => void (storedBefore = stored.length) }, add)
    await run({
      name: 'proj.first',
      args: [1, 1],
      callbacks: [link],
      chain: [signatureData({ task: 'proj.last' }), link],
    })
    expect(calls.map((call) => [call.name, call.args])).toEqual([
      ['proj.next', [2]],
      ['proj.next', [2]],
    ])
    expect(storedBefore).toBe(1)
  })

  it('fails when its value has no form', async () => {
    const { task, run, stored } = traced()
    task('proj.odd', {}, () => add)
    expect(await run({ name: 'proj.odd' })).toMatchObject({ kind: 'failure' })
    expect(stored.map((meta) => meta.status)).toEqual(['FAILURE'])
  })
})

describe('a task that throws', () => {
  it('stores the failure with its traceback', async () => {
    const { task, run, stored } = traced()
    task('proj.bad', {}, () => {
      throw new RangeError('bad moon')
    })
    const outcome = await run({ name: 'proj.bad' })
    expect(outcome).toMatchObject({ kind: 'failure', expected: false })
    expect(stored[0]).toMatchObject({ status: 'FAILURE', result: { exc_message: ['bad moon'] } })
    expect(stored[0]?.traceback).toContain('bad moon')
  })

  it('knows which errors are part of the game', async () => {
    const { task, run } = traced()
    task('proj.bad', { throws: [RangeError] }, () => {
      throw new RangeError('expected')
    })
    expect(await run({ name: 'proj.bad' })).toMatchObject({ kind: 'failure', expected: true })
  })

  it('stores errors all the same with storeErrorsEvenIfIgnored', async () => {
    const { task, run, stored } = traced()
    const fail = (() => {
      throw new Error('x')
    }) as never
    task('proj.silent', { ignoreResult: true }, fail)
    task('proj.loud', { ignoreResult: true, storeErrorsEvenIfIgnored: true }, fail)
    await run({ name: 'proj.silent' })
    await run({ name: 'proj.loud' })
    expect(stored).toHaveLength(1)
  })

  it('fails the rest of the chain and calls the errbacks', async () => {
    const { task, run, stored, errbacks } = traced()
    const seen: unknown[] = []
    errbacks.set('proj.onError', (...args) => seen.push(args[1]))
    task('proj.bad', {}, () => {
      throw new Error('x')
    })
    const chain = [signatureData({ task: 'proj.next', options: { task_id: 'next-id' } })]
    await run({ name: 'proj.bad', chain, errbacks: [signatureData({ task: 'proj.onError' })] })
    expect(stored.map((meta) => [meta.task_id, meta.status])).toEqual([
      ['id-1', 'FAILURE'],
      ['next-id', 'FAILURE'],
    ])
    expect(seen).toEqual([expect.objectContaining({ message: 'x' })])
  })

  it('fails for wrong arguments with words like Python', async () => {
    const { task, run, stored } = traced()
    task('proj.add', {}, add)
    await run({ name: 'proj.add', args: [1], kwargs: { q: 2 } })
    expect(JSON.stringify(stored[0]?.result)).toContain("add() got an unexpected keyword argument 'q'")
  })

  it('tells an aborted task by the reason of the abort', async () => {
    const { task, run, stored, abort } = traced()
    task('proj.slow', { bind: true }, (self: TaskContext) => {
      abort.abort(new SoftTimeLimitExceeded(3))
      const error = new Error('This operation was aborted')
      error.name = 'AbortError'
      if (self.signal.aborted) throw error
    })
    await run({ name: 'proj.slow' })
    expect(stored[0]?.result).toMatchObject({ exc_type: 'SoftTimeLimitExceeded' })
  })
})

describe('a task that says what should happen', () => {
  it('is ignored or rejected, and stores nothing', async () => {
    const { task, run, stored } = traced()
    task('proj.ignore', {}, () => {
      throw new Ignore()
    })
    task('proj.reject', {}, () => {
      throw new Reject('no', { requeue: true })
    })
    expect(await run({ name: 'proj.ignore' })).toMatchObject({ kind: 'ignored' })
    expect(await run({ name: 'proj.reject' })).toMatchObject({ kind: 'rejected', requeue: true, reason: 'no' })
    expect(stored).toEqual([])
  })

  it('is sent again with the same id, one retry more, all that follows, and to where it came from', async () => {
    const { task, run, stored, calls } = traced()
    task('proj.flaky', { bind: true }, (self: TaskContext, _x: number) => {
      throw self.retry({ countdown: 10, exc: new Error('again') })
    })
    const link = signatureData({ task: 'proj.next' })
    const outcome = await run({
      name: 'proj.flaky',
      args: [1],
      callbacks: [link],
      retries: 1,
      headers: { tenant: 'acme' },
    })
    expect(outcome).toMatchObject({ kind: 'retry' })
    expect(stored).toEqual([
      expect.objectContaining({
        status: 'RETRY',
        result: expect.objectContaining({ exc_message: ['again'] }) as unknown,
      }),
    ])
    expect(calls).toEqual([
      {
        name: 'proj.flaky',
        args: [1],
        options: expect.objectContaining({
          taskId: 'id-1',
          retries: 2,
          countdown: 10,
          queue: 'celery',
          priority: 3,
          link: [link],
          headers: { tenant: 'acme' },
        }) as unknown,
      },
    ])
  })

  it('is stored as RETRY before its new attempt is sent, which may end at once', async () => {
    const { task, run, stored, host } = traced()
    const before: string[] = []
    const call = host.call.bind(host)
    host.call = (...args) => {
      before.push(...stored.map(({ status }) => status))
      return call(...args)
    }
    task('proj.flaky', { bind: true }, (self: TaskContext) => {
      throw self.retry({ countdown: 0 })
    })
    await run({ name: 'proj.flaky' })
    expect(before).toEqual(['RETRY'])
  })

  it('comes again when its new attempt cannot be published and it is acknowledged late; else it fails', async () => {
    const lost = new ConnectionError('no broker')
    const cases = [
      [true, lost, 'rejected'],
      [false, lost, 'failure'],
      // This would be so the next time too: it must not go round for ever.
      [true, new TypeError('flaky() takes 0 positional arguments but 1 was given'), 'failure'],
    ] as const
    for (const [acksLate, error, kind] of cases) {
      const { task, run, host } = traced()
      host.call = () => Promise.reject(error)
      task('proj.flaky', { bind: true, acksLate }, (self: TaskContext) => {
        throw self.retry()
      })
      expect(await run({ name: 'proj.flaky' })).toMatchObject({ kind })
    }
  })

  it('is not tried again by itself when it was ended from outside', async () => {
    for (const [reason, outcome] of [
      [new WorkerShutdown('bye'), { kind: 'cancelled' }],
      [new Terminated('SIGTERM'), { kind: 'terminated', signal: 'SIGTERM' }],
    ] as const) {
      const { task, run, calls, stored, abort } = traced()
      task('proj.cut', { bind: true, autoretryFor: [Error] }, (self: TaskContext) => {
        abort.abort(reason)
        self.signal.throwIfAborted()
      })
      expect(await run({ name: 'proj.cut' })).toEqual(outcome)
      expect([calls, stored]).toEqual([[], []])
    }
  })

  it('is not tried again by itself for what failed after it', async () => {
    const { task, run, stored, host } = traced()
    host.call = () => Promise.reject(new ConnectionError('no broker'))
    task('proj.add', { autoretryFor: [Error], acksLate: true }, add)
    const outcome = await run({ name: 'proj.add', args: [1, 1], callbacks: [signatureData({ task: 'proj.next' })] })
    expect(outcome).toMatchObject({ kind: 'failure', failure: { excType: 'ConnectionError' } })
    expect(stored.map((meta) => meta.status)).toEqual(['FAILURE'])
  })
})

describe('around a run', () => {
  it('is the task of all code below it, and its context has everything', async () => {
    const { task, run, stored } = traced()
    let below: TaskContext | undefined
    task('proj.deep', { bind: true }, async (self: TaskContext) => {
      await new Promise((resolve) => setImmediate(resolve))
      below = currentTask()
      await self.updateState({ state: 'PROGRESS', meta: { done: 1 } })
      return [self.request.id, self.request.rootId, self.request.retries, self.request.headers]
    })
    await run({ name: 'proj.deep', headers: { tenant: 'acme' } })
    expect(below?.request.id).toBe('id-1')
    expect(currentTask()).toBeUndefined()
    expect(stored.map((meta) => [meta.status, meta.result])).toEqual([
      ['PROGRESS', { done: 1 }],
      ['SUCCESS', ['id-1', 'id-1', 0, { tenant: 'acme' }]],
    ])
  })

  it('calls hooks and signals in order', async () => {
    const trail: string[] = []
    const { task, run, signals } = traced()
    const note = (name: string) => () => void trail.push(name)
    signals.on('task-prerun', note('task-prerun'))
    signals.on('task-success', note('task-success'))
    signals.on('task-postrun', note('task-postrun'))
    const hooks = { beforeStart: note('beforeStart'), onSuccess: note('onSuccess'), afterReturn: note('afterReturn') }
    task('proj.add', hooks, (x: number) => {
      trail.push('run')
      return x
    })
    await run({ name: 'proj.add', args: [1] })
    expect(trail).toEqual([
      'task-prerun',
      'beforeStart',
      'run',
      'onSuccess',
      'task-success',
      'afterReturn',
      'task-postrun',
    ])
  })

  it('goes on when a hook or a listener throws', async () => {
    const { task, run, signals, logged } = traced()
    const fail = (): never => {
      throw new Error('hook')
    }
    signals.on('task-prerun', fail)
    task('proj.add', { beforeStart: fail, onSuccess: fail }, add)
    expect(await run({ name: 'proj.add', args: [1, 1] })).toMatchObject({ kind: 'success' })
    expect(logged).toHaveLength(3)
  })

  it('runs inside middleware', async () => {
    const { task, run, stored } = traced({
      middleware: [async (context, next) => `${context.task} ${String(await next())}`],
    })
    task('proj.add', {}, add)
    await run({ name: 'proj.add', args: [1, 1] })
    expect(stored[0]?.result).toBe('proj.add 2')
  })

  it('fails what is not registered or cannot be read, without an execution', async () => {
    const { run, stored } = traced()
    expect(await run({ name: 'proj.unknown' })).toMatchObject({
      kind: 'failure',
      failure: { excType: 'NotRegistered' },
    })
    expect(stored[0]).toMatchObject({ task_id: 'id-1', status: 'FAILURE' })
  })

  it('comes to an end whatever was thrown, and whatever breaks on the way', async () => {
    const { task, run, signals, logged } = traced()
    const odd = Object.create(null) as Error
    task('proj.odd', {}, () => {
      throw odd
    })
    expect(await run({ name: 'proj.odd' })).toMatchObject({ kind: 'failure', failure: { repr: "Exception('{}')" } })
    const broken = traced({ storeError: new Error('no store') })
    broken.task('proj.add', {}, add)
    const told: unknown[] = []
    broken.signals.on('task-internal-error', ({ taskId, exception }) => void told.push(taskId, exception))
    expect(await broken.run({ name: 'proj.add', args: [1, 1] })).toMatchObject({ kind: 'failure' })
    expect(told).toEqual(['id-1', expect.objectContaining({ message: 'no store' })])
    expect(broken.logged).toEqual(['Task proj.add[id-1] could not be brought to its end'])
    expect([signals.has('task-internal-error'), logged]).toEqual([false, []])
  })

  it('checks arguments with the schema, and hands on what it makes of them', async () => {
    const { task, run, stored } = traced()
    const twice = {
      '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: Number(value) * 2 }) },
    }
    task('proj.echo', { schema: [twice] as never }, (x: number) => x)
    await run({ name: 'proj.echo', args: ['21'] })
    expect(stored[0]?.result).toBe(42)
  })
})

describe('a part of a chord', () => {
  const chord = signatureData({ task: 'proj.sum', options: { task_id: 'body' } })
  const part = { chord, groupId: 'g1', groupIndex: 0 }

  it('is handed over before its result, after its followers are sent', async () => {
    const { task, run, calls, counted, stored } = traced()
    let before: unknown
    task('proj.first', { onSuccess: () => void (before = [counted.length, stored.length, calls.length]) }, add)
    await run({ name: 'proj.first', ...part, args: [1, 1], callbacks: [signatureData({ task: 'proj.next' })] })
    expect(calls.map(({ name, args }) => [name, args])).toEqual([['proj.next', [2]]])
    expect(counted).toEqual([{ taskId: 'id-1', status: 'SUCCESS', result: 2 }])
    expect(before).toEqual([1, 1, 1])
  })

  it('needs nothing to wait for', async () => {
    const { task, run, counted } = traced()
    task('proj.add', {}, add)
    expect(await run({ name: 'proj.add', ...part, args: [1, 1], ignoreResult: true })).toMatchObject({
      kind: 'success',
    })
    expect(counted).toHaveLength(1)
  })

  it('counts as failed when it throws or its value has no form; the rest of its chain counts too', async () => {
    const { host, task, run, counted, stored } = traced()
    const backend = await new MemoryBackendFactory().open('memory://', {}, backendContext())
    await backend.chords?.setChordSize('g1', 1)
    Object.assign(host, { backend: () => Promise.resolve(backend) })
    task('proj.bad', {}, () => {
      throw new TypeError('x')
    })
    task('proj.formless', {}, () => Symbol('none'))
    await run({ name: 'proj.bad', ...part })
    await run({ name: 'proj.formless', ...part, id: 'id-2', groupIndex: 1 })
    expect(counted.map(({ taskId, status }) => [taskId, status])).toEqual([
      ['id-1', 'FAILURE'],
      ['id-2', 'FAILURE'],
    ])
    const last = { task_id: 'id-3', group_id: 'g1', group_index: 2, chord }
    await run({ name: 'proj.bad', id: 'id-0', args: [], chain: [signatureData({ task: 'proj.add', options: last })] })
    expect(stored.map(({ task_id: id }) => id)).toEqual(['id-1', 'id-2', 'id-0', 'id-3', 'body'])
    expect(stored.at(-1)?.result).toMatchObject({ exc_message: ["Dependency id-3 raised TypeError('x')"] })
  })

  it('does not count when it is ignored or tried again', async () => {
    const { task, run, calls, counted } = traced()
    task('proj.ignored', {}, () => {
      throw new Ignore()
    })
    task('proj.retried', { bind: true }, (self: TaskContext) => {
      throw self.retry()
    })
    await run({ name: 'proj.ignored', ...part })
    await run({ name: 'proj.retried', ...part })
    expect(calls.map(({ name }) => name)).toEqual(['proj.retried'])
    expect(counted).toEqual([])
    expect(calls[0]?.options).toMatchObject({ chord, groupId: 'g1', groupIndex: 0 })
  })
})

describe('an eager run', () => {
  it('answers the value itself, and stores it only when it should', async () => {
    const { task, runEagerly, stored } = traced()
    const value = new Map()
    task('proj.map', {}, () => value)
    task('proj.kept', { storeEagerResult: true }, add)
    task('proj.quiet', { storeEagerResult: true, ignoreResult: true }, add)
    expect(await runEagerly('proj.map')).toMatchObject({ state: 'SUCCESS', value })
    await runEagerly('proj.kept', [1, 1])
    await runEagerly('proj.quiet', [1, 1])
    expect(stored.map((meta) => meta.result)).toEqual([2])
  })

  it('answers the plan of a new attempt, and publishes nothing', async () => {
    const { task, runEagerly, calls } = traced()
    task('proj.flaky', { bind: true }, (self: TaskContext) => {
      throw self.retry({ countdown: 5, args: [2] })
    })
    expect(await runEagerly('proj.flaky')).toMatchObject({ state: 'RETRY', plan: { countdown: 5, args: [2] } })
    expect(calls).toEqual([])
  })

  it('fails with whatever was thrown, also what would end a worker', async () => {
    const { task, runEagerly } = traced()
    const reason = new WorkerShutdown('bye')
    task('proj.bad', {}, () => {
      throw reason
    })
    expect(await runEagerly('proj.bad')).toMatchObject({ state: 'FAILURE', value: reason })
    await expect(runEagerly('proj.unknown')).rejects.toThrow('not registered')
  })
})
