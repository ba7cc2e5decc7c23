import { describe, expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import type { EntryInput } from '../../../src/app/entry.ts'
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

  it('reads what stands for a schedule', () => {
    const scheduleOf = (input: object): string =>
      String(defineEntry('n', { task: 't', ...input } as EntryInput, 'app', 'Europe/Berlin').schedule)
    expect(scheduleOf({ schedule: '0 9 * * mon-fri' })).toBe('0 9 * * mon-fri (Europe/Berlin)')
    expect(scheduleOf({ schedule: 30 })).toBe('every 30 s')
    expect(scheduleOf({ schedule: 30, relative: true })).toBe('every 30 s, on round times')
  })

  it("understands Celery's spelling, in fields and options", () => {
    const given = {
      task: 't',
      schedule: 30,
      args: null,
      catch_up: 'skip',
      options: { routing_key: 'k', retry_policy: { max_retries: 3 }, expires: 15 },
    }
    const { args, catchUp, options } = defineEntry('n', given as unknown as EntryInput, 'app')
    expect({ args, catchUp, options }).toEqual({
      args: [],
      catchUp: 'skip',
      options: {
        routingKey: 'k',
        retryPolicy: { maxRetries: 3, intervalStart: 0, intervalStep: 0.2, intervalMax: 1 },
        expires: 15,
      },
    })
  })

  it('takes a whole entry as an input', () => {
    const entry = defineEntry('n', { task: 't', schedule, args: [1] }, 'runtime')
    expect(defineEntry('n', { ...entry, args: [2] }, 'app')).toEqual({ ...entry, args: [2], source: 'app' })
  })

  it.each<[unknown, string]>([
    [5, `Beat's entry "n" is an object such as`],
    [{ schedule: 30 }, `Beat's entry "n" names no task`],
    [{ task: '', schedule: 30 }, `Beat's entry "n" names no task`],
    [{ task: 't' }, `Beat's entry "n": undefined is no schedule`],
    [{ task: 't', schedule: '@hourli' }, 'did you mean "@hourly"?'],
    [{ task: 't', shedule: 30 }, `Beat's entry "n" has no "shedule"; did you mean "schedule"?`],
    [{ task: 't', schedule: 30, args: 5 }, `Beat's entry "n" has args that are no list`],
    [{ task: 't', schedule: 30, kwargs: [] }, `Beat's entry "n" has kwargs that are no object`],
    [{ task: 't', schedule: 30, options: 5 }, `Beat's entry "n" has options that are no object`],
    [{ task: 't', schedule: 30, options: { quue: 'q' } }, 'There is no option "quue" of a call; did you mean "queue"?'],
    [{ task: 't', schedule: 30, options: { task_id: 'x' } }, `Beat's entry "n" cannot have the option "taskId"`],
    [{ task: 't', schedule: 30, jitter: -1 }, `Beat's entry "n" has a jitter that is no number of seconds: -1`],
    [{ task: 't', schedule: 30, jitter: Infinity }, 'has a jitter'],
    [{ task: 't', schedule: 30, catchUp: 'all' }, `Beat's entry "n" needs a catchUp of "skip", "once" or`],
    [{ task: 't', schedule: 30, catchUp: { every: 0 } }, 'needs a catchUp'],
    [{ task: 't', schedule: 30, catchUp: { every: 1.5 } }, 'needs a catchUp'],
  ])('refuses %j', (input, message) => {
    const define = (): unknown => defineEntry('n', input as EntryInput, 'app')
    expect(define).toThrow(ImproperlyConfigured)
    expect(define).toThrow(message)
  })

  it('refuses an entry without a name', () => {
    expect(() => defineEntry('', { task: 't', schedule }, 'app')).toThrow('An entry of beat needs a name')
  })
})
