import { describe, expect, it } from 'vitest'
import { asSent, runEagerly } from '../../../src/app/eager.ts'
import type { ResultBackend } from '../../../src/backend/backend.ts'
import type { PublishOptions } from '../../../src/canvas/options.ts'
import { runInExecution } from '../../../src/context.ts'
import { EncodeError, MaxRetriesExceededError } from '../../../src/errors.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { EagerResult } from '../../../src/result/eager-result.ts'
import { SerializationRegistry } from '../../../src/serialization/registry.ts'
import type { TaskContext } from '../../../src/task/context.ts'
import { traced } from '../../support/traced.ts'
import type { Traced } from '../../support/traced.ts'

interface Eager extends Traced {
  call(name: string, args?: readonly unknown[], options?: PublishOptions): Promise<EagerResult>
}

function eager(): Eager {
  const all = traced()
  const backend = { storeResult: () => Promise.resolve() } as unknown as ResultBackend
  return {
    ...all,
    async call(name, args = [], options = {}) {
      const definition = all.tasks.definition(name)
      if (definition === undefined) throw new Error(`define ${name} first`)
      return runEagerly(definition, args, options, { tracer: all.tracer, results: all.host, backend, hostname: 'here' })
    },
  }
}

describe('an eager run', () => {
  it('answers at once, under the id that was asked for', async () => {
    const { task, call } = eager()
    task('proj.add', {}, (x: number, y: number) => x + y)
    const result = await call('proj.add', [1], { kwargs: { y: 2 }, taskId: 'id-1' })
    expect([result.id, await result.get(), await result.state()]).toEqual(['id-1', 3, 'SUCCESS'])
  })

  it('has the request that a worker would make of the message', async () => {
    const { task, call } = eager()
    let self: TaskContext | undefined
    task('proj.look', { bind: true, timeLimit: 9, softTimeLimit: 5 }, (context: TaskContext) => void (self = context))
    const link = signatureData({ task: 'proj.next' })
    await call('proj.look', [], {
      taskId: 'id-1',
      softTimeLimit: 3,
      headers: { trace: 'abc' },
      shadow: 'other',
      groupId: 'g',
      groupIndex: 2,
      chain: [link],
      priority: 4,
      routingKey: 'video',
      stampedHeaders: ['tenant'],
      stamps: { tenant: 'acme' },
      replacedTaskNesting: 1,
      ignoreResult: true,
    })
    expect(self?.request).toMatchObject({
      id: 'id-1',
      rootId: 'id-1',
      parentId: undefined,
      isEager: true,
      calledDirectly: false,
      hostname: 'here',
      timelimit: [9, 3],
      headers: { trace: 'abc' },
      shadow: 'other',
      group: 'g',
      groupIndex: 2,
      chain: [link],
      callbacks: null,
      deliveryInfo: { exchange: '', routing_key: 'video', priority: 4, redelivered: false },
      stamps: { tenant: 'acme' },
      stampedHeaders: ['tenant'],
      replacedTaskNesting: 1,
      ignoreResult: true,
    })
    expect(self?.signal.aborted).toBe(false)
  })

  it('is the child of the task that makes it', async () => {
    const { task, call } = eager()
    task('proj.inner', { bind: true }, ({ request }: TaskContext) => [request.parentId, request.rootId])
    const facts = { priority: undefined, children: [], joinWillBlock: false, context: undefined }
    const result = await runInExecution({ ...facts, taskId: 'me', rootId: 'root' }, () => call('proj.inner'))
    expect(await result.get()).toEqual(['me', 'root'])
  })

  it('calls links and errbacks', async () => {
    const { task, call, calls, errbacks } = eager()
    const seen: unknown[] = []
    errbacks.set('proj.onError', (_request, error) => seen.push(error))
    task('proj.add', {}, (x: number, y: number) => x + y)
    const error = new Error('bad')
    task('proj.bad', {}, () => {
      throw error
    })
    const result = await call('proj.add', [1, 2], { link: signatureData({ task: 'proj.next' }) })
    await call('proj.bad', [], { linkError: signatureData({ task: 'proj.onError' }) })
    expect(calls).toMatchObject([{ name: 'proj.next', args: [3], options: { parentId: result.id } }])
    expect(seen).toEqual([error])
  })

  it('holds the error of a task that failed, and throws it when it is asked', async () => {
    const { task, call } = eager()
    const error = new RangeError('bad moon')
    task('proj.bad', {}, () => {
      throw error
    })
    const result = await call('proj.bad')
    expect([await result.state(), await result.traceback()]).toEqual(['FAILURE', expect.stringContaining('bad moon')])
    await expect(result.get()).rejects.toBe(error)
  })
})

describe('a task that asks to be retried', () => {
  it('runs again at once, with new arguments where it names them', async () => {
    const { task, call } = eager()
    const seen: unknown[] = []
    task('proj.flaky', { bind: true }, (self: TaskContext, x: number, y: number) => {
      seen.push([x, y, self.request.retries])
      if (seen.length === 1) throw self.retry({ countdown: 3600 })
      if (seen.length === 2) throw self.retry({ args: [5], kwargs: { y: 6 } })
      return x + y
    })
    const result = await call('proj.flaky', [1, 2], { retries: 0 })
    expect(await result.get()).toBe(11)
    expect(seen).toEqual([
      [1, 2, 0],
      [1, 2, 1],
      [5, 6, 2],
    ])
  })

  it('gives up as it would elsewhere', async () => {
    const { task, call } = eager()
    let attempts = 0
    task('proj.never', { bind: true, maxRetries: 2 }, (self: TaskContext) => {
      attempts += 1
      throw self.retry()
    })
    await expect((await call('proj.never')).get()).rejects.toThrow(MaxRetriesExceededError)
    expect(attempts).toBe(3)
    await expect((await call('proj.never', [], { retries: 2 })).get()).rejects.toThrow(MaxRetriesExceededError)
    expect(attempts).toBe(4)
  })
})

describe('asSent', () => {
  const serialization = new SerializationRegistry()

  it('makes of arguments what a worker would get', async () => {
    const result = { toJSON: () => [['id', null], null] }
    const sent = await asSent(
      { args: [undefined, result, new Map([['a', 1]])], kwargs: { b: 1 } },
      'json',
      serialization,
    )
    expect(sent).toEqual({ args: [null, [['id', null], null], { a: 1 }], kwargs: { b: 1 } })
  })

  it('loads the serializer, whatever is accepted otherwise', async () => {
    const date = new Date('2026-01-01T00:00:00Z')
    expect((await asSent({ args: [date], kwargs: {} }, 'yaml', serialization)).args).toEqual([date])
  })

  it('refuses what cannot be sent', async () => {
    const given = { args: [() => 1], kwargs: {} }
    await expect(asSent(given, 'json', serialization)).rejects.toThrow(EncodeError)
  })
})
