import { describe, expect, it } from 'vitest'
import type { Call } from '../../../src/app/call.ts'
import { defineEntry } from '../../../src/app/entry.ts'
import type { EntryInput } from '../../../src/app/entry.ts'
import type { Departure } from '../../../src/beat/agenda.ts'
import { Dispatch } from '../../../src/beat/dispatch.ts'
import { markOf, taskIdOf } from '../../../src/beat/firing.ts'
import { ChannelError, ConnectionError, EncodeError } from '../../../src/errors.ts'

const never = new AbortController().signal

function departure(name: string, dueMs: readonly number[], changes: Partial<EntryInput> = {}): Departure {
  const definition = defineEntry(name, { task: `proj.${name}`, schedule: 10, ...changes }, 'app')
  const state = { name, lastDueMs: 0, totalRunCount: 0 }
  return { definition, dueMs, before: state, after: state }
}

/** A dispatch whose broker refuses calls by their task's name. */
function lab(refuse: (name: string) => Error | undefined = () => undefined) {
  const sent: Call[][] = []
  const dispatch = new Dispatch({
    scope: 'proj',
    send: async (calls) => {
      for (const { name } of calls) {
        const error = refuse(name)
        if (error !== undefined) throw error
      }
      sent.push([...calls])
    },
  })
  return { dispatch, sent }
}

describe('what is due', () => {
  it('leaves in one go, each under its own id and mark', async () => {
    const { dispatch, sent } = lab()
    const a = departure('a', [1000, 2000], { options: { queue: 'q' } })
    const outcomes = await dispatch.send([a, departure('b', [1000])], never)
    expect(outcomes).toEqual([{ kind: 'sent' }, { kind: 'sent' }])
    expect(sent).toHaveLength(1)
    expect(sent[0]?.map(({ name, once }) => [name, once])).toEqual([
      ['proj.a', { key: markOf('proj', 'a'), number: 1000 }],
      ['proj.a', { key: markOf('proj', 'a'), number: 2000 }],
      ['proj.b', { key: markOf('proj', 'b'), number: 1000 }],
    ])
    expect(sent[0]?.[0]?.options).toEqual({
      queue: 'q',
      kwargs: {},
      signal: never,
      taskId: taskIdOf('proj', { definition: a.definition, dueMs: 1000 }),
    })
  })

  it('may be nothing', async () => {
    const { dispatch, sent } = lab()
    expect(await dispatch.send([departure('a', [])], never)).toEqual([{ kind: 'sent' }])
    expect(sent).toEqual([])
  })
})

describe('what cannot be sent', () => {
  const kinds = async (refuse: (name: string) => Error | undefined) => {
    const { dispatch, sent } = lab(refuse)
    const outcomes = await dispatch.send([departure('a', [1]), departure('bad', [1]), departure('c', [1])], never)
    return { kinds: outcomes.map(({ kind }) => kind), calls: sent.length }
  }

  it('does not keep the others', async () => {
    const bad = (name: string) => (name === 'proj.bad' ? new EncodeError('no form') : undefined)
    expect(await kinds(bad)).toEqual({ kinds: ['sent', 'never', 'sent'], calls: 2 })
    const full = (name: string) => (name === 'proj.bad' ? new ChannelError('the queue is full') : undefined)
    expect(await kinds(full)).toEqual({ kinds: ['sent', 'later', 'sent'], calls: 2 })
  })

  it('is all of it where the broker is away, and it is not asked for each', async () => {
    let asked = 0
    const away = () => {
      asked += 1
      return new ConnectionError('away')
    }
    expect(await kinds(away)).toEqual({ kinds: ['later', 'later', 'later'], calls: 0 })
    expect(asked).toBe(1)
  })

  it('is also what a function among the arguments does not answer', async () => {
    const { dispatch, sent } = lab()
    const broken = (): never => {
      throw new Error('no value')
    }
    const outcomes = await dispatch.send([departure('a', [1], { args: [broken] }), departure('b', [1])], never)
    expect(outcomes.map(({ kind }) => kind)).toEqual(['never', 'sent'])
    expect(sent[0]?.map(({ name }) => name)).toEqual(['proj.b'])
  })

  it('comes later where somebody gives up', async () => {
    const { dispatch } = lab(() => new Error('given up'))
    expect(await dispatch.send([departure('a', [1])], AbortSignal.abort())).toMatchObject([{ kind: 'later' }])
  })
})
