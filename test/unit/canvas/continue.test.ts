import { describe, expect, it } from 'vitest'
import { callErrbacks, continueWorkflow, hasFollowers } from '../../../src/canvas/continue.ts'
import type { EndedTask } from '../../../src/canvas/continue.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { TaskEmbed } from '../../../src/protocol/task.ts'
import { createLogger, silentLogger } from '../../../src/util/logger.ts'
import { fakeHost } from '../../support/fake-host.ts'

const nothing: TaskEmbed = { callbacks: null, errbacks: null, chain: null, chord: null }
const ended = (embed: Partial<TaskEmbed>, priority?: number): EndedTask => ({
  id: 'me',
  rootId: 'root',
  embed: { ...nothing, ...embed },
  priority,
})
const mul = signatureData({ task: 'proj.mul', args: [3], options: { queue: 'q' } })
const fixed = signatureData({ task: 'proj.fixed', args: [1], immutable: true })
const last = signatureData({ task: 'proj.last', options: { task_id: 'last-id' } })

describe('continueWorkflow', () => {
  it('sends callbacks with the value in front, unless they are immutable', async () => {
    const { host, calls } = fakeHost()
    await continueWorkflow(host, ended({ callbacks: [mul, fixed] }), 4)
    expect(calls).toEqual([
      { name: 'proj.mul', args: [4, 3], options: { queue: 'q', kwargs: {}, parentId: 'me', rootId: 'root' } },
      { name: 'proj.fixed', args: [1], options: { kwargs: {}, parentId: 'me', rootId: 'root' } },
    ])
  })

  it('sends the last of the reversed chain, and the rest with it', async () => {
    const { host, calls } = fakeHost()
    await continueWorkflow(host, ended({ chain: [last, mul] }), 4)
    expect(calls).toHaveLength(1)
    expect(calls[0]).toMatchObject({ name: 'proj.mul', args: [4, 3], options: { chain: [last] } })
  })

  it('hands the priority on, where the follower has none of its own', async () => {
    const { host, calls } = fakeHost()
    const own = signatureData({ task: 'proj.own', options: { priority: 1 } })
    await continueWorkflow(host, ended({ callbacks: [mul, own] }, 7), 4)
    expect(calls.map((call) => call.options?.priority)).toEqual([7, 1])
  })

  it('knows whether there is anything to do', () => {
    expect(hasFollowers(nothing)).toBe(false)
    expect(hasFollowers({ ...nothing, callbacks: [], chain: [] })).toBe(false)
    expect(hasFollowers({ ...nothing, chain: [mul] })).toBe(true)
  })
})

describe('callErrbacks', () => {
  const facts = { request: { id: 'me' }, error: new Error('bad'), traceback: 'text' }

  it('calls a function that is here, and sends any other with the id of the failed task', async () => {
    const { host, calls, errbacks } = fakeHost()
    const seen: unknown[] = []
    errbacks.set('proj.here', (...args) => seen.push(args))
    const here = signatureData({ task: 'proj.here' })
    await callErrbacks(host, ended({ errbacks: [here, mul] }), facts, silentLogger())
    expect(seen).toEqual([[facts.request, facts.error, 'text', {}]])
    expect(calls).toEqual([
      { name: 'proj.mul', args: ['me', 3], options: { queue: 'q', kwargs: {}, parentId: 'me', rootId: 'root' } },
    ])
  })

  it('adds the arguments of the signature, and gives an immutable one nothing else', async () => {
    const { host, errbacks } = fakeHost()
    const seen: unknown[] = []
    errbacks.set('proj.here', (...args) => seen.push(args))
    const more = signatureData({ task: 'proj.here', args: ['more'], kwargs: { tenant: 'acme' } })
    const alone = signatureData({ task: 'proj.here', args: ['alone'], immutable: true })
    await callErrbacks(host, ended({ errbacks: [more, alone] }), facts, silentLogger())
    expect(seen).toEqual([
      [facts.request, facts.error, 'text', 'more', { tenant: 'acme' }],
      ['alone', {}],
    ])
  })

  it('logs one that fails and calls the next', async () => {
    const { host, calls, errbacks } = fakeHost()
    const lines: string[] = []
    const logger = createLogger({ level: 'ERROR', write: (record) => lines.push(record.message) })
    errbacks.set('proj.broken', () => {
      throw new Error('errback broke')
    })
    await callErrbacks(host, ended({ errbacks: [signatureData({ task: 'proj.broken' }), mul] }), facts, logger)
    expect(calls).toHaveLength(1)
    expect(lines).toEqual(['The errback proj.broken of the task me failed'])
  })
})
