import { describe, expect, it } from 'vitest'
import { chainOf } from '../../../src/canvas/chain.ts'
import { chord, chordOf } from '../../../src/canvas/chord.ts'
import { group, groupOf } from '../../../src/canvas/group.ts'
import type { SignatureData } from '../../../src/protocol/signature.ts'
import { EagerResult } from '../../../src/result/eager-result.ts'
import { canvasPlace, shapeOf } from '../../support/canvas.ts'

describe('chord()', () => {
  const { s } = canvasPlace()

  it('takes a list or a group as its header', () => {
    expect(shapeOf(chord([s('a'), s('b')], s('c') as never))).toBe('{a b}->c')
    expect(shapeOf(chord(group(s('a'), s('b')), s('c') as never))).toBe('{a b}->c')
  })
})

describe('a chord', () => {
  it('sends its header; each of its tasks carries the body, which has its id', async () => {
    const { s, calls, chords, sent } = canvasPlace()
    const result = await chordOf([s('a', [1]), s('b')], s('c')).applyAsync([0])
    expect(sent()).toEqual([
      ['a', [0, 1]],
      ['b', [0]],
    ])
    const groupId = calls[0]?.options?.groupId
    expect(calls.map(({ options }) => [options?.groupIndex, options?.groupId, shapeOf(options!.chord!)])).toEqual([
      [0, groupId, 'c'],
      [1, groupId, 'c'],
    ])
    expect(calls[0]?.options?.chord?.options).toMatchObject({ task_id: result.id, group_id: groupId })
    expect(chords).toEqual([[groupId, 2]])
    expect(result.parent?.id).toBe(groupId)
    expect(result.parent?.results).toHaveLength(2)
  })

  it('tells the backend how many parts there will be before it sends the first', async () => {
    const { s, host, calls, chords } = canvasPlace()
    const before: number[] = []
    host.callMany = () => Promise.resolve(before.push(chords.length))
    await chordOf([s('a'), s('b')], s('c')).applyAsync()
    expect([before, calls]).toEqual([[1], []])
  })

  it('has as many parts as results come back', async () => {
    const { s, chords, saved } = canvasPlace()
    const inner = chordOf([s('a')], groupOf([s('b'), s('c')]))
    const header = [s('a'), groupOf([s('b'), s('c')]), chainOf([s('d'), groupOf([s('e'), s('f'), s('g')])]), inner]
    await chordOf(header, s('z')).applyAsync()
    expect(chords.map(([, size]) => size)).toEqual([1 + 2 + 3 + 2, 1])
    expect(saved).toHaveLength(1)
  })

  it('sends its body at once where the header is empty', async () => {
    const { s, sent, chords } = canvasPlace()
    await chordOf([], s('c', [1])).applyAsync()
    expect([sent(), chords]).toEqual([[['c', [[], 1]]], []])
  })

  it('goes on after its body: what comes after it, and its own place in a work-flow', async () => {
    const { s, calls } = canvasPlace()
    const outer = s('outer').toJSON()
    const options = {
      chain: [s('next').toJSON()],
      chord: outer,
      groupId: 'outer-group',
      groupIndex: 4,
      link: s('done'),
    }
    await chordOf([s('a')], s('c')).applyAsync([], { ...options, queue: 'q' })
    const { options: part } = calls[0]!
    expect([part?.chain, part?.groupIndex, part?.groupId, part?.queue, part?.link]).toEqual([
      undefined,
      0,
      part?.groupId,
      'q',
      undefined,
    ])
    expect(part?.chord?.options).toMatchObject({ group_id: 'outer-group', group_index: 4, chord: outer, queue: 'q' })
    expect((part?.chord?.options['chain'] as SignatureData[]).map(shapeOf)).toEqual(['next'])
    expect((part?.chord?.options.link as SignatureData[]).map(shapeOf)).toEqual(['done'])
  })

  it('can be given another body when it is sent, and options for whoever looks after the header', async () => {
    const { s, calls } = canvasPlace()
    await chordOf([s('a')], s('c')).applyAsync([], { kwargs: { body: s('other') } })
    expect(shapeOf(calls[0]!.options!.chord!)).toBe('other')
    await expect(chordOf([s('a')], undefined).applyAsync()).rejects.toThrow('no body')
  })

  it('is frozen with the ids of header and body', async () => {
    const { s, calls } = canvasPlace()
    const made = chordOf([s('a'), s('b')], chainOf([s('c'), s('d')]))
    const result = made.freeze()
    expect(result.parent?.parent?.id).toBe(made.id)
    expect((await made.applyAsync()).id).toBe(result.id)
    expect(calls.map(({ options }) => options?.groupId)).toEqual([made.id, made.id])
  })

  it('links to its body', () => {
    const { s } = canvasPlace()
    const made = chordOf([s('a')], s('c'))
    made.link(s('done'))
    made.linkError(s('failed'))
    expect([made.body?.links('link').map(shapeOf), made.body?.links('link_error').map(shapeOf)]).toEqual([
      ['done'],
      ['failed'],
    ])
    expect(made.tasks[0]?.options).toEqual({})
  })

  it('has its errbacks at the header too where the app says so, and always at chords in the header', () => {
    const { s, host } = canvasPlace()
    host.chordPolicy = () => ({ joinTimeoutMs: 1, retryInterval: 1, errbacksOnHeader: true })
    const made = chordOf([s('a')], s('c'))
    made.linkError(s('failed'))
    expect(made.tasks[0]?.toJSON().options.link_error).toMatchObject([{ task: 'failed', immutable: true }])

    const place = canvasPlace()
    const nested = chordOf([place.s('a')], place.s('b'))
    chordOf([nested], place.s('c')).linkError(place.s('failed'))
    expect(nested.body?.links('link_error').map(shapeOf)).toEqual(['failed'])
  })

  it('is immutable where its header is', () => {
    const { s } = canvasPlace()
    const made = chordOf([s('a')], s('c')).setImmutable(true)
    expect([made.tasks[0]?.immutable, made.body?.immutable]).toEqual([true, false])
  })

  it('copies header and body with itself', () => {
    const { s } = canvasPlace()
    const made = chordOf([s('a')], s('c'))
    const copy = made.clone()
    copy.tasks[0]?.set({ queue: 'q' })
    copy.body?.set({ queue: 'q' })
    expect(JSON.stringify(made)).not.toContain('"q"')
  })

  it('runs here, header first', async () => {
    const { s, host } = canvasPlace()
    host.apply = (name, args) =>
      Promise.resolve(new EagerResult(name, host, { state: 'SUCCESS', value: [name, ...args], traceback: undefined }))
    const result = await chordOf([s('a', [1]), s('b')], s('c', [2])).apply([0])
    expect(await result.get()).toEqual([
      'c',
      [
        ['a', 0, 1],
        ['b', 0],
      ],
      2,
    ])
  })
})
