import { describe, expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { interval } from '../../../src/schedule/interval.ts'

const schedule = interval(30)

describe('defineEntry', () => {
  it('fills in what is left out', () => {
    expect(defineEntry('ping', { task: 'proj.ping', schedule }, 'app')).toEqual({
      name: 'ping',
      task: 'proj.ping',
      schedule,
      args: [],
      kwargs: {},
      options: {},
      catchUp: 'once',
      jitter: 0,
      source: 'app',
    })
  })

  it('keeps what is given', () => {
    const input = { task: 't', schedule, args: [1], kwargs: { x: 2 }, options: { queue: 'q' }, jitter: 1.5 }
    for (const catchUp of ['skip', 'once', { every: 3 }] as const) {
      expect(defineEntry('n', { ...input, catchUp }, 'runtime')).toEqual({
        name: 'n',
        source: 'runtime',
        catchUp,
        ...input,
      })
    }
  })

  it('reads what stands for a schedule', () => {
    const read = (input: object) => defineEntry('n', { task: 't', ...input } as never, 'app', 'Europe/Berlin').schedule
    expect(read({ schedule: 90, relative: true }).toString()).toBe('every 90 s, on round times')
    expect(read({ schedule: '@hourly' }).toString()).toBe('0 * * * * (Europe/Berlin)')
    expect(() => read({ schedule: 'now and then' })).toThrow(ImproperlyConfigured)
  })

  it('refuses what cannot be', () => {
    const wrong = [
      { name: '', task: 't' },
      { name: 'n', task: '' },
      { name: 'n', task: 't', jitter: -1 },
      { name: 'n', task: 't', jitter: Infinity },
      { name: 'n', task: 't', catchUp: 'all' },
      { name: 'n', task: 't', catchUp: { every: 0 } },
      { name: 'n', task: 't', catchUp: { every: 1.5 } },
    ]
    for (const { name, ...input } of wrong) {
      expect(() => defineEntry(name, { schedule, ...input } as never, 'app'), JSON.stringify(input)).toThrow(
        ImproperlyConfigured,
      )
    }
  })
})
