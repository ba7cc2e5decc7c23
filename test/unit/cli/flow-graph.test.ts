import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Celery } from '../../../src/celery.ts'
import { flowDot } from '../../../src/cli/flow-graph.ts'
import { renderSvg } from '../../../src/cli/picture.ts'
import { InvalidTaskError } from '../../../src/errors.ts'
import { chain, chord, group } from '../../../src/index.ts'
import { ROOT } from '../../support/sources.ts'

const app = new Celery('proj', { broker: 'memory://' })
const task = (name: string, ...args: readonly unknown[]) => app.signature(name, args)

/** Arrows, by the names of tasks. */
function arrows(signature: unknown): string[] {
  const dot = flowDot(JSON.parse(JSON.stringify(signature)))
  const names = new Map([...dot.matchAll(/^ +(t\d+) \[label="(\w+)/gm)].map(([, id = '', name = '']) => [id, name]))
  return [...dot.matchAll(/(t\d+) -> (t\d+)(.*)/g)].map(([, from = '', to = '', look = '']) => {
    return `${names.get(from) ?? ''}>${names.get(to) ?? ''}${/label=(\w+)/.exec(look)?.[1] ?? ''}`
  })
}

describe('flowDot', () => {
  it('draws one task after the other', () => {
    expect(arrows(chain(task('a'), task('b'), task('c')))).toEqual(['a>b', 'b>c'])
  })

  it('draws groups within chains, and what comes after all of them', () => {
    const flow = chain(task('a'), group([task('b'), chain(task('c'), task('d'))]), task('e'))
    expect(arrows(flow).sort()).toEqual(['a>b', 'a>c', 'b>e', 'c>d', 'd>e'])
  })

  it('draws chords', () => {
    expect(arrows(chord([task('a'), task('b')], task('c'))).sort()).toEqual(['a>c', 'b>c'])
  })

  it('draws callbacks and errbacks', () => {
    const first = task('a')
    first.link(task('b'))
    first.linkError(task('c'))
    expect(arrows(first)).toEqual(['a>blink', 'a>clink_error'])
  })

  it('shows arguments, not too long', () => {
    expect(flowDot({ task: 'a', args: [1, 'x'] })).toContain(`label="a(1, 'x')"`)
    expect(/label="([^"]*)"/.exec(flowDot({ task: 'a', args: ['x'.repeat(100)] }))?.[1]).toHaveLength(60)
    expect(flowDot({ task: 'a', kwargs: { x: '"' } })).toContain(`label="a(x='\\"')"`)
  })

  it('passes over parts that are empty', () => {
    const empty = { task: 'celery.group', subtask_type: 'group', kwargs: { tasks: [] } }
    expect(
      arrows({ task: 'celery.chain', subtask_type: 'chain', kwargs: { tasks: [task('a'), empty, task('b')] } }),
    ).toEqual(['a>b'])
  })

  it.each([[1], [{}], [{ task: 'celery.chain', subtask_type: 'chain', kwargs: { tasks: ['x'] } }]])(
    'refuses what is no signature: %j',
    (value) => {
      expect(() => flowDot(value)).toThrow(InvalidTaskError)
    },
  )

  it("draws all of Python's", async () => {
    const shapes: readonly { readonly data: unknown }[] = JSON.parse(
      readFileSync(join(ROOT, 'test/wire/canvas-shapes.json'), 'utf8'),
    )
    expect(shapes.length).toBeGreaterThan(10)
    for (const { data } of shapes.slice(0, 20)) expect(await renderSvg(flowDot(data))).toContain('</svg>')
  })
})
