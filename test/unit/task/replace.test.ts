import { describe, expect, it } from 'vitest'
import type { ChordStore, ResultBackend } from '../../../src/backend/backend.ts'
import { MemoryBackendFactory } from '../../../src/backend/memory.ts'
import { chain } from '../../../src/canvas/pipe.ts'
import { group } from '../../../src/canvas/group.ts'
import { createSignature } from '../../../src/canvas/signature.ts'
import type { AnySignature } from '../../../src/canvas/signature.ts'
import { Ignore, ImproperlyConfigured, TaskError } from '../../../src/errors.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import type { TaskEmbed, TaskHead } from '../../../src/protocol/task.ts'
import { addToChord, inPlaceOf, replaceTask } from '../../../src/task/replace.ts'
import { bareHead, NO_EMBED, TaskRequest } from '../../../src/task/request.ts'
import { bringPart } from '../../support/chord-parts.ts'
import { backendContext } from '../../support/context.ts'
import { fakeHost } from '../../support/fake-host.ts'

const BODY = signatureData({ task: 'proj.sum', options: { task_id: 'body' } })
const { host, calls } = fakeHost()

function requestOf(head: Partial<TaskHead> = {}, embed: Partial<TaskEmbed> = {}, isEager = false): TaskRequest {
  return new TaskRequest({
    head: { ...bareHead('proj.me', 'me'), rootId: 'root', ...head },
    args: [],
    kwargs: {},
    embed: { ...NO_EMBED, ...embed },
    properties: {},
    deliveryInfo: { exchange: '', routing_key: 'celery', priority: null, redelivered: false },
    hostname: 'celery@test',
    isEager,
    calledDirectly: false,
  })
}

const add = (...args: unknown[]): AnySignature => createSignature(host, 'proj.add', args)

describe('what takes the place of a task', () => {
  it('has its id, its place in a chord, its callbacks and errbacks, and leaves what was given as it is', () => {
    const link = signatureData({ task: 'proj.link' })
    const embed = { chord: BODY, callbacks: [link], errbacks: [link] }
    const given = add(1)
    const { options } = inPlaceOf(host, requestOf({ group: 'g1', groupIndex: 2, replacedTaskNesting: 3 }, embed), given)
    expect(options).toMatchObject({
      task_id: 'me',
      root_id: 'root',
      group_id: 'g1',
      group_index: 2,
      chord: BODY,
      link: [link],
      link_error: [link],
      replaced_task_nesting: 4,
    })
    expect(given.options).toEqual({})
  })

  it('is followed by the rest of the chain, whose tasks keep their ids', () => {
    const next = (id: string) => signatureData({ task: `proj.${id}`, options: { task_id: id } })
    const work = inPlaceOf(host, requestOf({}, { chain: [next('last'), next('next')] }), add(1))
    const tasks = work.toJSON().kwargs['tasks'] as { options: Record<string, unknown> }[]
    expect(tasks.map(({ options }) => [options['task_id'], options['replaced_task_nesting']])).toEqual([
      ['me', 1],
      ['next', 1],
      ['last', 1],
    ])
  })

  it('gives the task’s id to the last of a chain', () => {
    const work = inPlaceOf(host, requestOf(), chain(add(1), add(2)))
    const tasks = work.toJSON().kwargs['tasks'] as { options: Record<string, unknown> }[]
    expect(tasks.map(({ options }) => options['replaced_task_nesting'])).toEqual([1, 1])
    expect(tasks[1]?.options['task_id']).toBe('me')
  })

  it('makes one value of the results of a group', () => {
    const work = inPlaceOf(host, requestOf(), group([add(1), add(2)])).toJSON()
    expect(work.subtask_type).toBe('chord')
    expect(work.kwargs['body']).toMatchObject({
      task: 'celery.accumulate',
      kwargs: { index: 0 },
      options: { task_id: 'me' },
    })
  })

  it('is no part of another chord, and no empty chain', () => {
    const part = add(1).set({ chord: BODY })
    expect(() => inPlaceOf(host, requestOf(), part)).toThrow(ImproperlyConfigured)
    expect(() => inPlaceOf(host, requestOf(), chain([]) as unknown as AnySignature)).toThrow(ImproperlyConfigured)
  })
})

describe('replaceTask', () => {
  it('sends it and ends the task', async () => {
    calls.length = 0
    await expect(replaceTask(host, requestOf(), add(1))).rejects.toThrow(Ignore)
    expect(calls).toMatchObject([{ name: 'proj.add', args: [1], options: { taskId: 'me' } }])
  })
})

describe('addToChord', () => {
  const inChord = requestOf({ group: 'g1', groupIndex: 1 }, { chord: BODY })

  it('has one part more waited for, and sends it', async () => {
    const backend = await new MemoryBackendFactory().open('memory://', {}, backendContext())
    Object.assign(host, { backend: () => Promise.resolve(backend) })
    await backend.chords?.setChordSize('g1', 1)
    calls.length = 0
    const part = await addToChord(host, inChord, add(1), false)
    expect(calls).toMatchObject([{ name: 'proj.add', options: { groupId: 'g1', groupIndex: 1, taskId: part.id } }])
    const returned = { groupId: 'g1', index: 1, status: 'SUCCESS', result: 1, claim: 'c' }
    expect(await bringPart(backend.chords as ChordStore, { ...returned, taskId: 'me' })).toEqual({ kind: 'counted' })
    expect(await bringPart(backend.chords as ChordStore, { ...returned, taskId: 'x' })).toMatchObject({
      kind: 'complete',
    })
    const lazy = await addToChord(host, inChord, add(2), true)
    expect([calls.length, typeof lazy.id]).toEqual([1, 'string'])
  })

  it('refuses outside of a chord, and where the backend does not count', async () => {
    await expect(addToChord(host, requestOf(), add(1), false)).rejects.toThrow(TaskError)
    Object.assign(host, { backend: () => Promise.resolve({ features: {} } as ResultBackend) })
    await expect(addToChord(host, inChord, add(1), false)).rejects.toThrow(ImproperlyConfigured)
  })
})
