import { describe, expect, it } from 'vitest'
import { fromWireOptions, linksOf, mergeOptions, toWireOptions } from '../../../src/canvas/options.ts'
import { createSignature } from '../../../src/canvas/signature.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
import { fakeHost } from '../../support/fake-host.ts'

const callback = signatureData({ task: 'proj.mul', args: [3] })

describe('toWireOptions', () => {
  it('writes the wire names', () => {
    expect(
      toWireOptions({ taskId: 'x', routingKey: 'r', ignoreResult: true, countdown: 10, timeLimit: undefined }),
    ).toEqual({
      task_id: 'x',
      routing_key: 'r',
      ignore_result: true,
      countdown: 10,
    })
  })

  it('writes times as text, links as lists and stamps flat; named arguments and signals stay behind', () => {
    const eta = new Date('2030-01-01T12:00:00.500Z')
    const stamps = { trace: 'abc' }
    const options = {
      eta,
      link: callback,
      stamps,
      stampedHeaders: ['trace'],
      kwargs: { a: 1 },
      signal: new AbortController().signal,
    }
    expect(toWireOptions(options)).toEqual({
      eta: '2030-01-01T12:00:00.500000+00:00',
      link: [callback],
      trace: 'abc',
      stamped_headers: ['trace'],
    })
  })
})

describe('fromWireOptions', () => {
  it('is the way back', () => {
    const options = {
      eta: new Date('2030-01-01T12:00:00Z'),
      expires: new Date('2030-01-02T00:00:00Z'),
      queue: 'q',
      link: [callback],
      stampedHeaders: ['trace'],
      stamps: { trace: 'abc' },
      retryPolicy: { maxRetries: 5, intervalStart: 0, intervalStep: 0.2, intervalMax: 1 },
    }
    const wire = { ...toWireOptions(options), retry_policy: { max_retries: 5 } }
    expect(fromWireOptions(wire)).toEqual(options)
  })

  it('is the way back for retry policies and what work-flows add, whatever form that had', () => {
    const { host } = fakeHost()
    const body = createSignature(host, 'proj.sum', [])
    const policy = { maxRetries: 3, intervalStart: 1, intervalStep: 2, intervalMax: 3 }
    const plain: Record<string, unknown> = toWireOptions({ retryPolicy: policy, routeName: 'proj.add' })
    expect(plain['retry_policy']).toEqual({ max_retries: 3, interval_start: 1, interval_step: 2, interval_max: 3 })
    expect(fromWireOptions({ ...plain, chord: body, chain: [body] })).toEqual({
      retryPolicy: policy,
      routeName: 'proj.add',
      chord: body.toJSON(),
      chain: [body.toJSON()],
    })
  })

  it('leaves out what is null or means nothing to us', () => {
    expect(fromWireOptions({ queue: null, chord_size: 3, expires: 60 })).toEqual({ expires: 60 })
  })

  it('refuses a time that is none', () => {
    expect(() => fromWireOptions({ eta: 'tomorrow' })).toThrow('eta is not a time: "tomorrow"')
  })
})

describe('linksOf', () => {
  it('takes one or many, plain or not', () => {
    expect(linksOf(undefined)).toEqual([])
    expect(linksOf(callback)).toEqual([callback])
    expect(linksOf([callback, { toJSON: () => callback }])).toEqual([callback, callback])
  })
})

describe('mergeOptions', () => {
  it('takes what is given over what is beneath, but for what is undefined', () => {
    expect(mergeOptions({ queue: 'a', priority: 1 }, { queue: 'b', priority: undefined, countdown: 0 })).toEqual({
      queue: 'b',
      priority: 1,
      countdown: 0,
    })
  })

  it('makes nothing new where nothing is given', () => {
    const base = { queue: 'a' }
    expect(mergeOptions(base, {})).toBe(base)
    expect(mergeOptions(base, { queue: undefined })).toBe(base)
  })
})
