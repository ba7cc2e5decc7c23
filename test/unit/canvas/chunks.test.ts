import { describe, expect, it } from 'vitest'
import { chord } from '../../../src/canvas/chord.ts'
import { chunks, starmap, xmap } from '../../../src/canvas/chunks.ts'
import { canvasPlace } from '../../support/canvas.ts'

const pairs = [0, 1, 2, 3, 4].map((i): [number, number] => [i, i])

describe('map and starmap', () => {
  it('are one call with all items, routed as the task that is called', async () => {
    const { s, calls } = canvasPlace()
    await xmap(s('proj.add'), [1, 2]).applyAsync()
    await starmap(s('proj.add'), pairs).applyAsync()
    const task = s('proj.add').toJSON()
    expect(JSON.parse(JSON.stringify(calls))).toEqual([
      { name: 'celery.map', args: [], options: { routeName: 'proj.add', kwargs: { task, it: [1, 2] } } },
      { name: 'celery.starmap', args: [], options: { routeName: 'proj.add', kwargs: { task, it: pairs } } },
    ])
  })

  it('take nothing from the step before them', () => {
    const { s } = canvasPlace()
    expect(xmap(s('proj.add'), [1]).immutable).toBe(true)
  })

  it('are routed so when they were plain data too', async () => {
    const { s, host, calls } = canvasPlace()
    const data: unknown = JSON.parse(JSON.stringify(xmap(s('proj.add'), [1])))
    const again = host.canvas.signature(data as never) as ReturnType<typeof s>
    await again.applyAsync()
    expect(calls[0]?.options?.routeName).toBe('proj.add')
  })
})

describe('chunks', () => {
  it('are sent as a group of starmaps', async () => {
    const { s, calls } = canvasPlace()
    const result = await chunks(s('proj.add'), pairs, 2).applyAsync()
    expect(
      calls.map(({ name, options }) => [name, options?.kwargs?.['it'], options?.groupId, options?.groupIndex]),
    ).toEqual([
      ['celery.starmap', pairs.slice(0, 2), result.id, 0],
      ['celery.starmap', pairs.slice(2, 4), result.id, 1],
      ['celery.starmap', pairs.slice(4), result.id, 2],
    ])
  })

  it('are a task of their own in a work-flow', async () => {
    const { s, sent, chords } = canvasPlace()
    await chord([chunks(s('proj.add'), pairs, 2), s('a')], s('b')).applyAsync()
    expect(sent().map(([name]) => name)).toEqual(['celery.chunks', 'a'])
    expect(chords).toEqual([[expect.any(String), 2]])
    expect(chunks(s('proj.add'), pairs, 2).toJSON()).toMatchObject({
      task: 'celery.chunks',
      kwargs: { n: 2 },
      immutable: true,
    })
  })

  it('have one item at least', () => {
    const { s } = canvasPlace()
    for (const n of [0, -1, 1.5, NaN]) expect(() => chunks(s('proj.add'), pairs, n)).toThrow(RangeError)
  })
})
