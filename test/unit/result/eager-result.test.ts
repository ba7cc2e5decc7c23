import { describe, expect, it } from 'vitest'
import { runInExecution } from '../../../src/context.ts'
import { EagerResult } from '../../../src/result/eager-result.ts'
import { fakeHost } from '../../support/fake-host.ts'

describe('EagerResult', () => {
  it('is there at once', async () => {
    const result = new EagerResult('id', fakeHost().host, { state: 'SUCCESS', value: 4, traceback: undefined })
    expect([await result.get(), await result.state(), await result.ready(), await result.successful()]).toEqual([
      4,
      'SUCCESS',
      true,
      true,
    ])
    expect(await result.result()).toBe(4)
    await result.forget()
  })

  it('throws the error of its task, or answers it', async () => {
    const error = new Error('bad')
    const result = new EagerResult('id', fakeHost().host, { state: 'FAILURE', value: error, traceback: 'tb' })
    await expect(result.get()).rejects.toBe(error)
    expect(await result.get({ propagate: false })).toBe(error)
    expect([await result.failed(), await result.traceback()]).toEqual([true, 'tb'])
  })

  it('can follow another one, and is a tree of its own', async () => {
    const { host } = fakeHost()
    const parent = new EagerResult('p', host, { state: 'SUCCESS', value: 1, traceback: undefined })
    const result = new EagerResult('id', host, { state: 'IGNORED', value: 2, traceback: undefined, parent })
    expect([result.parent, result.asList(), await result.exists()]).toEqual([parent, ['id', 'p'], true])
    expect(await result.getLeaf()).toBe(2)
    expect((await result.graph()).toDot()).toContain('"id"')
  })

  it('is ready whatever became of the task', async () => {
    const result = new EagerResult('id', fakeHost().host, { state: 'IGNORED', value: undefined, traceback: undefined })
    expect([await result.ready(), await result.get()]).toEqual([true, undefined])
  })

  it('is revoked here, without a word to any worker', async () => {
    const { host } = fakeHost()
    host.revoke = () => Promise.reject(new Error('nobody to tell'))
    const result = new EagerResult('id', host, { state: 'SUCCESS', value: 4, traceback: undefined })
    await result.revoke()
    expect([await result.state(), await result.get()]).toEqual(['REVOKED', 4])
  })

  it('is not waited for inside a task, for a sent one would not be either', async () => {
    const result = new EagerResult('id', fakeHost().host, { state: 'SUCCESS', value: 4, traceback: undefined })
    const facts = { taskId: 't', rootId: 't', priority: undefined, children: [], context: undefined }
    const inTask = <T>(work: () => Promise<T>): Promise<T> => runInExecution({ ...facts, joinWillBlock: true }, work)
    await expect(inTask(() => result.get())).rejects.toThrow('Never wait for a result inside a task')
    expect(await inTask(() => result.get({ disableSyncSubtasks: false }))).toBe(4)
  })
})
