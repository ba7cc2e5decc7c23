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
    expect(signature.options['link']).toEqual([callback.toJSON()])
    expect(signature.options['link_error']).toHaveLength(1)
  })

  it('can be copied, changed and frozen without touching the copy', () => {
    const { host } = fakeHost()
    const signature = createSignature(host, 'proj.add', [[1]])
    const copy = signature.clone().set({ queue: 'q', kwargs: { z: 1 } })
    expect(signature.options).toEqual({})
    expect(copy.kwargs).toEqual({ z: 1 })
    expect(copy.freeze('my-id')).toBe('my-id')
    expect(copy.freeze('other')).toBe('my-id')
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
    expect(data.args[1]).toBe(inner)
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
})
