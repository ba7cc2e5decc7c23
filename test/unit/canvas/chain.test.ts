import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { Chain, chainOf } from '../../../src/canvas/chain.ts'
import { groupOf } from '../../../src/canvas/group.ts'
import type { SignatureData } from '../../../src/protocol/signature.ts'
import { EagerResult } from '../../../src/result/eager-result.ts'
import { canvasPlace, shapeOf } from '../../support/canvas.ts'

describe('a chain', () => {
  it('sends its first step, which carries the others, the last one first', async () => {
    const { s, calls } = canvasPlace()
    const result = await chainOf([s('a', [1]), s('b'), s('c')]).applyAsync([0])
    const [{ name, args, options }] = calls as never as [(typeof calls)[0]]
    expect([name, args, options?.chain?.map(shapeOf)]).toEqual(['a', [0, 1], ['c', 'b']])
    expect(options?.chain?.[0]?.options.task_id).toBe(result.id)
    expect([result.parent?.id, result.parent?.parent?.id]).toEqual([
      options?.chain?.[1]?.options.task_id,
      options?.taskId,
    ])
    expect(result.parent?.parent?.parent).toBeUndefined()
  })

  it('stays as it is when it is sent', async () => {
    const { s } = canvasPlace()
    const chain = chainOf([s('a'), groupOf([s('b'), s('c')]), s('d')])
    const before = JSON.stringify(chain)
    await expect(chain.applyAsync()).resolves.toBeDefined()
    expect(JSON.stringify(chain)).toBe(before)
  })

  it('splices chains, unrolls groups of one, leaves out empty ones', async () => {
    const { s, calls } = canvasPlace()
    await chainOf([chainOf([s('a'), s('b')]), groupOf([]), groupOf([s('c')]), s('d')]).applyAsync()
    expect([calls[0]?.name, calls[0]?.options?.chain?.map(shapeOf)]).toEqual(['a', ['d', 'c', 'b']])
  })

  it('makes a chord of a group with something after it, whose body keeps its id', async () => {
    const { s, calls } = canvasPlace()
    const result = await chainOf([s('a'), groupOf([s('b'), s('c')]), s('d')]).applyAsync()
    const [chord] = calls[0]?.options?.chain as [SignatureData]
    expect(shapeOf(chord)).toBe('{b c}->d')
    expect((chord.kwargs['body'] as SignatureData).options.task_id).toBe(result.id)
  })

  it('puts links at its last step, errbacks at each, queue and delay at its first', async () => {
    const { s, calls } = canvasPlace()
    const chain = chainOf([s('a'), s('b')])
    await chain.applyAsync([], { link: s('done'), linkError: s('failed'), queue: 'q', countdown: 5 })
    const { options } = calls[0]!
    const [last] = options?.chain as [SignatureData]
    expect([options?.queue, options?.countdown, last.options['queue']]).toEqual(['q', 5, undefined])
    expect([options?.link, JSON.stringify(last.options.link)]).toEqual([undefined, JSON.stringify([s('done')])])
    expect(JSON.stringify([options?.linkError, last.options.link_error])).toBe(
      JSON.stringify([[s('failed')], [s('failed')]]),
    )
  })

  it('is followed by what follows its place: a chain around it comes after its last step', async () => {
    const { s, calls } = canvasPlace()
    await chainOf([s('a'), s('b')]).applyAsync([], { chain: [s('c').toJSON()] })
    expect(calls[0]?.options?.chain?.map(shapeOf)).toEqual(['c', 'b'])
  })

  it('gives place, group and chord to its last step', () => {
    const { s, host } = canvasPlace()
    const chain = chainOf([s('a'), s('b')])
    const body = s('body')
    expect(chain.freeze({ taskId: 'last', groupId: 'g', groupIndex: 3, chord: body, rootId: 'r' }).id).toBe('last')
    const [first, last] = chain.tasks.map((task) => task.toJSON().options)
    expect(last).toEqual({
      task_id: 'last',
      root_id: 'r',
      reply_to: host.replyTo,
      group_id: 'g',
      chord: body.toJSON(),
      group_index: 3,
    })
    expect(first).toEqual({ task_id: expect.any(String), root_id: 'r', reply_to: host.replyTo })
    expect(chain.id).toBe('last')
  })

  it('keeps its ids once frozen', async () => {
    const { s, calls } = canvasPlace()
    const chain = chainOf([s('a'), s('b')])
    const { id } = chain.freeze()
    expect((await chain.applyAsync()).id).toBe(id)
    expect((await chain.applyAsync()).id).toBe(id)
    expect(calls[0]?.options?.taskId).toBe(calls[1]?.options?.taskId)
  })

  it('links each step to the one before where messages have no room for a chain', async () => {
    const { s, calls, host } = canvasPlace()
    host.canvasPolicy = () => ({ alwaysEager: false, chainsAsLinks: true, warnSize: null })
    await chainOf([s('a'), s('b'), s('c')]).applyAsync()
    const [link] = calls[0]?.options?.link as [SignatureData]
    expect([calls[0]?.options?.chain, shapeOf(link), shapeOf((link.options.link as [SignatureData])[0])]).toEqual([
      undefined,
      'b',
      'c',
    ])
  })

  it('of nothing cannot be sent', async () => {
    const { s } = canvasPlace()
    const empty = new Chain(chainOf([]).data, s('a').host)
    await expect(empty.applyAsync()).rejects.toThrow(ImproperlyConfigured)
    await expect(chainOf([]).applyAsync()).rejects.toThrow('belongs')
  })

  it('counts for a chord as its last step that counts', () => {
    const { s } = canvasPlace()
    expect(chainOf([s('a'), s('b')]).size).toBe(1)
    expect(chainOf([s('a'), groupOf([s('b'), s('c')])]).size).toBe(2)
    expect(chainOf([groupOf([s('b'), s('c')]), groupOf([])]).size).toBe(2)
    expect(chainOf([]).size).toBe(0)
  })

  it('runs here step by step, each with what the one before it answered', async () => {
    const { s, host } = canvasPlace()
    host.apply = (name, args) =>
      Promise.resolve(new EagerResult(name, host, { state: 'SUCCESS', value: [name, ...args], traceback: undefined }))
    const result = await chainOf([s('a', [1]), s('b'), s('c')]).apply([0])
    expect(await result.get()).toEqual(['c', ['b', ['a', 0, 1]]])
  })

  it('ends where a step wants no result', async () => {
    const { s, host } = canvasPlace()
    const ran: string[] = []
    host.apply = (name) => {
      ran.push(name)
      return Promise.resolve(new EagerResult(name, host, { state: 'IGNORED', value: undefined, traceback: undefined }))
    }
    await chainOf([s('a'), s('b')]).apply()
    expect(ran).toEqual(['a'])
  })
})
