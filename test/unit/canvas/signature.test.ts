import { describe, expect, it } from 'vitest'
import { createSignature } from '../../../src/canvas/signature.ts'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { Decimal } from '../../../src/serialization/values.ts'
import { fakeHost } from '../../support/fake-host.ts'

describe('Signature', () => {
  it('is the plain data that Python writes', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [2, 2], { countdown: 10, queue: 'lopri' })
    expect(JSON.parse(JSON.stringify(signature))).toEqual({
      task: 'proj.add',
      args: [2, 2],
      kwargs: {},
      options: { countdown: 10, queue: 'lopri' },
      subtask_type: null,
      immutable: false,
    })
  })

  it('puts what is missing in front, and lets later options win', async () => {
    const { host, calls } = fakeHost()
    const signature = createSignature<[number], number>(host, 'proj.add', [2], { queue: 'a', kwargs: { z: 1 } })
    await signature.delay(1)
    await signature.applyAsync([5], { queue: 'b', kwargs: { y: 2 } })
    expect(calls).toEqual([
      { name: 'proj.add', args: [1, 2], options: { queue: 'a', kwargs: { z: 1 } } },
      { name: 'proj.add', args: [5, 2], options: { queue: 'b', kwargs: { z: 1, y: 2 } } },
    ])
  })

  it('stands for election under an id that its result is known by', async () => {
    const { host, calls } = fakeHost()
    const signature = createSignature(host, 'proj.add', [2, 2], { queue: 'a' })
    const { id } = await signature.election()
    expect(calls.map(({ name, args }) => [name, ...args])).toMatchObject([
      ['elect', id, { task: 'proj.add', args: [2, 2], options: { queue: 'a', task_id: id } }],
    ])
    expect(signature.id).toBeUndefined()
  })

  it('takes no arguments when immutable', async () => {
    const { host, calls } = fakeHost()
    const signature = createSignature<unknown[], number>(host, 'proj.add', [2, 2], { immutable: true })
    await signature.applyAsync([9], { kwargs: { y: 1 } })
    expect(calls[0]).toEqual({ name: 'proj.add', args: [2, 2], options: { kwargs: {} } })
    expect(signature.immutable).toBe(true)
  })

  it('links once, and answers what was linked', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [1, 1])
    const callback = createSignature(host, 'proj.mul', [3])
    expect(signature.link(callback)).toBe(callback)
    signature.link(callback)
    expect(signature.onError(createSignature(host, 'proj.log', []))).toBe(signature)
    expect(signature.toJSON().options.link).toEqual([callback.toJSON()])
    expect(signature.options['link_error']).toHaveLength(1)
  })

  it('can be copied, changed and frozen without touching the copy', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [[1]])
    const copy = signature.clone().set({ queue: 'q', kwargs: { z: 1 } })
    expect(signature.options).toEqual({})
    expect(copy.kwargs).toEqual({ z: 1 })
    expect(copy.freeze({ taskId: 'my-id' }).id).toBe('my-id')
    expect(copy.freeze({ taskId: 'other' }).id).toBe('my-id')
    expect([copy.id, signature.id]).toEqual(['my-id', undefined])
  })

  it('keeps what only a serializer can write, and copies the rest', () => {
    const { host } = fakeHost()
    const result = new AsyncResult('id-1', host)
    const inner = createSignature(host, 'proj.mul', [3])
    const price = new Decimal('1.50')
    const list = [{ price }]
    const signature = createSignature(host, 'proj.add', [result, inner, list, 2n])
    const callback = createSignature(host, 'proj.next', [2n])
    signature.link(callback)
    signature.link(callback)
    const data = signature.toJSON()
    expect(data.args[0]).toBe(result)
    expect(data.args[1]).toEqual(inner.toJSON())
    expect(data.args[2]).toEqual([{ price }])
    expect(data.args[2]).not.toBe(list)
    expect(data.options.link).toHaveLength(1)
    expect(signature.clone().args[0]).toBe(result)
  })

  it('leaves circles to the serializer, which says where they are', () => {
    const circle: unknown[] = []
    circle.push(circle)
    const [copy] = createSignature(fakeHost().host, 'proj.add', [circle]).toJSON().args as [unknown[]]
    expect(copy[0]).toBe(copy)
    expect(copy).not.toBe(circle)
  })

  it('refuses options that there are not', () => {
    const { host } = fakeHost()
    expect(() => createSignature(host, 'proj.add', [], { queu: 'x' } as never)).toThrow('did you mean "queue"')
  })

  it('keeps its group and its stamps, whatever is said when it is sent', async () => {
    const { host, calls } = fakeHost()
    const signature = createSignature(host, 'proj.add', [1, 1], { groupId: 'g' }).stamp({ trace: 'abc' })
    await signature.applyAsync([], { groupId: 'other', stamps: { trace: 'other' }, stampedHeaders: ['trace'] })
    expect(calls[0]?.options).toMatchObject({ groupId: 'g', stamps: { trace: 'abc' }, stampedHeaders: ['trace'] })
  })

  it('is replaced in part by another one', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [1, 1], { queue: 'q', kwargs: { z: 1 } })
    expect(signature.replace({ args: [2] }).toJSON()).toMatchObject({
      args: [2],
      kwargs: { z: 1 },
      options: { queue: 'q' },
    })
    expect(signature.replace({ kwargs: {}, options: {} }).toJSON()).toMatchObject({
      args: [1, 1],
      kwargs: {},
      options: {},
    })
    expect(signature.args).toEqual([1, 1])
  })

  it('sees what is done to its callback after it was linked, as Python does', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [1, 1])
    signature.link(createSignature(host, 'proj.mul', [2])).link(createSignature(host, 'proj.log', []))
    expect(signature.flattenLinks().map(({ task }) => task)).toEqual(['proj.add', 'proj.mul', 'proj.log'])
    expect(signature.toJSON().options.link).toMatchObject([
      { task: 'proj.mul', options: { link: [{ task: 'proj.log' }] } },
    ])
  })

  it('has its place in a work-flow once frozen, and keeps the first of its ids', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [1, 1])
    const place = { taskId: 't', groupId: 'g', groupIndex: 2, rootId: 'r', parentId: 'p' }
    expect(signature.freeze(place).id).toBe('t')
    signature.freeze({ taskId: 'u', groupId: 'h', groupIndex: 3 })
    expect(signature.options).toEqual({
      task_id: 't',
      root_id: 'r',
      parent_id: 'p',
      reply_to: host.replyTo,
      group_id: 'g',
      group_index: 3,
    })
  })

  it('can be made immutable, and mutable again', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [1, 1])
    expect(signature.set({ immutable: true }).immutable).toBe(true)
    expect(signature.setImmutable(false).immutable).toBe(false)
    expect(signature.clone({ args: [0], kwargs: {}, options: { queue: 'q' } }).toJSON()).toMatchObject({
      args: [0, 1, 1],
      options: { queue: 'q' },
    })
  })

  it('runs here', async () => {
    const { host } = fakeHost()
    const applied: unknown[] = []
    host.apply = (name, args, options) => {
      applied.push([name, args, options])
      return Promise.resolve(new AsyncResult('here', host))
    }
    await createSignature<[number], number>(host, 'proj.add', [2], { queue: 'q' }).apply([1])
    expect(applied).toEqual([['proj.add', [1, 2], { queue: 'q', kwargs: {} }]])
  })
})
