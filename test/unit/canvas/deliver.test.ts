import { describe, expect, it } from 'vitest'
import { deliver } from '../../../src/canvas/deliver.ts'
import type { Steps } from '../../../src/canvas/deliver.ts'
import { groupOf } from '../../../src/canvas/group.ts'
import { chain } from '../../../src/canvas/pipe.ts'
import { taskTuple } from '../../../src/protocol/result.ts'
import { canvasPlace } from '../../support/canvas.ts'

function* callsOf(count: number, made: number[] = []): Steps {
  for (let index = 0; index < count; index += 1) {
    made.push(index)
    yield { kind: 'call', call: { name: 'a', args: [index], options: {} } }
  }
  return taskTuple('id')
}

describe('deliver', () => {
  it('publishes in batches, and makes no more than it publishes', async () => {
    const { host } = canvasPlace()
    const batches: [published: number, made: number][] = []
    const made: number[] = []
    host.callMany = (calls) => Promise.resolve(batches.push([calls.length, made.length]))
    expect(await deliver(host, callsOf(1200, made))).toEqual(taskTuple('id'))
    expect(batches).toEqual([
      [500, 500],
      [500, 1000],
      [200, 1200],
    ])
  })

  it('hands the signal to every call', async () => {
    const { host, calls } = canvasPlace()
    const { signal } = new AbortController()
    await deliver(host, callsOf(1), signal)
    expect(calls[0]?.options).toEqual({ signal })
  })

  it('publishes nothing after what could not be published', async () => {
    const { host } = canvasPlace()
    let published = 0
    host.callMany = () => {
      published += 1
      return Promise.reject(new Error('away'))
    }
    await expect(deliver(host, callsOf(1200))).rejects.toThrow('away')
    expect(published).toBe(1)
  })

  it('warns once of a work-flow that is larger than the app allows for', async () => {
    const { s, host } = canvasPlace()
    const warnings: string[] = []
    host.canvasPolicy = () => ({ alwaysEager: false, chainsAsLinks: false, warnSize: 10 })
    host.warn = (message) => void warnings.push(message)
    await deliver(host, callsOf(10))
    expect(warnings).toEqual([])
    await deliver(host, callsOf(1200))
    expect(warnings).toEqual([expect.stringContaining('the task a has more than 10 tasks (taskWorkflowWarnSize)')])
    await chain(Array.from({ length: 11 }, () => s('step'))).applyAsync()
    expect(warnings.slice(1)).toEqual([expect.stringContaining('the task step has more than 10 tasks')])
  })

  it('sends a chain of ten thousand', async () => {
    const { s, calls } = canvasPlace()
    await chain(Array.from({ length: 10_000 }, (_, index) => s('a', [index]))).applyAsync()
    expect([calls.length, calls[0]?.options?.chain?.length]).toEqual([1, 9999])
  })

  it('sends a group of ten thousand', async () => {
    const { s, host } = canvasPlace()
    let published = 0
    host.callMany = (calls) => Promise.resolve((published += calls.length))
    const result = await groupOf(Array.from({ length: 10_000 }, (_, index) => s('a', [index]))).applyAsync()
    expect([published, result.results.length]).toEqual([10_000, 10_000])
  })
})
