import { describe, expect, it } from 'vitest'
import { chainOf } from '../../../src/canvas/chain.ts'
import { chordOf } from '../../../src/canvas/chord.ts'
import { groupOf } from '../../../src/canvas/group.ts'
import type { AnySignature } from '../../../src/canvas/signature.ts'
import { mergeStamps, ownStamps, stampFields, visit } from '../../../src/canvas/stamping.ts'
import type { StampHeaders, StampingVisitor, Visited } from '../../../src/canvas/stamping.ts'
import type { SignatureData } from '../../../src/protocol/signature.ts'
import { canvasPlace } from '../../support/canvas.ts'

const stampsOf = ({ options }: Pick<SignatureData, 'options'> | AnySignature): unknown => {
  const names = (options['stamped_headers'] ?? []) as string[]
  return Object.fromEntries(names.map((name) => [name, options[name]]))
}

describe('stamp', () => {
  const { s, calls } = canvasPlace()

  it('puts stamps on a signature, which become headers', async () => {
    const stamped = s('a').stamp({ trace: 'abc', tenant: 7 })
    expect(stamped.options).toEqual({ trace: 'abc', tenant: 7, stamped_headers: ['trace', 'tenant'] })
    await stamped.applyAsync([], { stamps: { trace: 'other' }, stampedHeaders: ['trace'] })
    expect(calls.at(-1)?.options).toMatchObject({
      stampedHeaders: ['trace', 'tenant'],
      stamps: { trace: 'abc', tenant: 7 },
    })
  })

  it('names as stamps what it is told to', () => {
    expect(stampsOf(s('a').stamp({ trace: 'abc', note: 'x', stampedHeaders: ['trace'] }))).toEqual({ trace: 'abc' })
  })

  it('lets a new stamp win, or keeps all', () => {
    expect(stampsOf(s('a').stamp({ x: 1 }).stamp({ x: 2 }))).toEqual({ x: 2 })
    expect(stampsOf(s('a').stamp({ x: 1 }).stamp({ x: 2 }, { appendStamps: true }))).toEqual({ x: [2, 1] })
    expect(stampsOf(s('a').stamp({ x: 1 }).stamp({ y: 2 }))).toEqual({ y: 2, x: 1 })
  })

  it('reaches every task of a work-flow, and their links', () => {
    const linked = s('b')
    linked.link(s('done'))
    const flow = chainOf([s('a'), groupOf([linked, s('c')])]).stamp({ trace: 1 })
    const text = JSON.stringify(flow)
    expect(text.match(/"trace":1/g)).toHaveLength(4)
  })

  it('leaves the links themselves alone: others may have them too', () => {
    const done = s('done')
    const task = s('a')
    task.link(done)
    task.stamp({ trace: 1 })
    expect(done.options).toEqual({})
    expect(stampsOf((task.toJSON().options.link as [SignatureData])[0])).toEqual({ trace: 1 })
  })

  it('does not put the stamps of a task on its links', () => {
    const task = s('a').stamp({ own: 1 })
    task.link(s('done'))
    task.stamp({ trace: 1 })
    expect(stampsOf((task.toJSON().options.link as [SignatureData])[0])).toEqual({ trace: 1 })
  })
})

describe('a visitor', () => {
  /** Notes whom it visits, and stamps each with its verb. */
  function noting(): { readonly visitor: StampingVisitor; readonly visits: string[] } {
    const visits: string[] = []
    const note = (verb: string) => (signature: Visited, _: StampHeaders) => {
      visits.push(`${verb} ${signature.task}`)
      return { [verb]: true }
    }
    const end = (verb: string) => (signature: Visited) => {
      visits.push(`${verb} ${signature.task}`)
    }
    const visitor: StampingVisitor = {
      onSignature: note('signature'),
      onGroupStart: note('group'),
      onGroupEnd: end('/group'),
      onChainStart: note('chain'),
      onChainEnd: end('/chain'),
      onChordHeaderStart: note('header'),
      onChordHeaderEnd: end('/header'),
      onChordBody: note('body'),
      onCallback: note('callback'),
      onErrback: note('errback'),
    }
    return { visitor, visits }
  }

  it('goes through a work-flow in order', () => {
    const { s } = canvasPlace()
    const { visitor, visits } = noting()
    const last = s('d')
    last.link(s('done'))
    last.linkError(s('failed'))
    chainOf([s('a'), groupOf([s('b')]), chordOf([s('c')], last)]).stamp(visitor)
    expect(visits).toEqual([
      'chain celery.chain',
      'signature a',
      'group celery.group',
      'signature b',
      '/group celery.group',
      'header celery.chord',
      'signature c',
      '/header celery.chord',
      'body celery.chord',
      'callback done',
      'signature done',
      'errback failed',
      'signature failed',
      'signature d',
      '/chain celery.chain',
    ])
  })

  it('stamps what is below with what it says of the whole', () => {
    const { s } = canvasPlace()
    const { visitor } = noting()
    const group = groupOf([s('a')]).stamp(visitor, { stamps: { all: 1 } })
    expect(stampsOf(group.tasks[0]!)).toEqual({ all: 1, group: true, signature: true })
  })

  it('that says nothing of headers is asked of groups', () => {
    const { s } = canvasPlace()
    const { visitor, visits } = noting()
    const { onChordHeaderStart: _, onChordHeaderEnd: __, ...rest } = visitor
    chordOf([s('a')], s('b')).stamp(rest)
    expect(visits.slice(0, 3)).toEqual(['group celery.group', 'signature a', '/group celery.group'])
  })

  it('needs to know of tasks only', () => {
    const { s } = canvasPlace()
    const chord = chordOf([s('a')], s('b')).stamp({ onSignature: ({ task }: Visited) => ({ name: task }) })
    expect([stampsOf(chord.tasks[0]!), stampsOf(chord.body!)]).toEqual([{ name: 'a' }, { name: 'b' }])
  })
})

describe('stamps of several sources', () => {
  it('are merged: the first stays, lists grow, records are merged', () => {
    const merged = mergeStamps(
      { a: 1, list: [1], record: { x: 1 } },
      { a: 2, b: 2, list: [2], record: { x: 2, y: 2 } },
      false,
    )
    expect(merged).toEqual({
      a: 1,
      b: 2,
      list: [1, 2],
      record: { x: [1, 2], y: 2 },
      stamped_headers: ['a', 'list', 'record'],
    })
  })

  it('are all kept where they are appended', () => {
    expect(mergeStamps({ a: 1, none: null }, { a: [2, 3], none: 1 }, true)).toMatchObject({ a: [1, 2, 3], none: [1] })
  })

  it('of a signature are those among its options that are stamps', () => {
    expect(ownStamps({ queue: 'q', x: 1, stamped_headers: ['x'] }, { stamped_headers: ['queue'] })).toEqual({
      queue: 'q',
      x: 1,
      stamped_headers: ['x'],
    })
  })

  it('are read from what stamp() was given', () => {
    const visitor = { onSignature: () => undefined }
    expect(stampFields(visitor, { stamps: { a: 1 } })).toEqual({ visitor, headers: { a: 1 } })
    expect(stampFields({ b: 1 }, { stamps: { a: 1 } })).toEqual({ visitor: undefined, headers: { a: 1, b: 1 } })
    const { s } = canvasPlace()
    expect(visit(undefined, 'onSignature', s('a'), {})).toBeUndefined()
    expect(visit(visitor, 'onSignature', s('a'), {})).toEqual({ stamped_headers: [] })
  })
})
