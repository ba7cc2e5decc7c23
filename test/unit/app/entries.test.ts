import { describe, expect, it } from 'vitest'
import { Config } from '../../../src/app/config.ts'
import { Entries } from '../../../src/app/entries.ts'
import type { PeriodicTaskOptions } from '../../../src/app/entries.ts'
import type { AnySignature } from '../../../src/canvas/signature.ts'
import { Celery, chain, chord, group } from '../../../src/index.ts'
import { interval } from '../../../src/schedule/interval.ts'

function tasksOf(entries: Entries): string[] {
  return entries.all().map(({ name, task }) => `${name} ${task}`)
}

describe('entries', () => {
  it('keep their order, and the last one of each name', () => {
    const entries = new Entries(() => new Config().values)
    for (const [name, task] of [
      ['a', 'one'],
      ['b', 'two'],
      ['a', 'three'],
    ] as const) {
      entries.add(name, { task, schedule: 30 })
    }
    expect(tasksOf(entries)).toEqual(['a three', 'b two'])
  })

  it('are those of the settings too, as they are now', () => {
    const conf = new Config({
      explicit: { beatSchedule: { a: { task: 'one', schedule: 30 }, b: { task: 'two', schedule: 30 } } },
    })
    const entries = new Entries(() => conf.values)
    entries.add('b', { task: 'three', schedule: '@daily' })
    expect(tasksOf(entries)).toEqual(['a one', 'b three'])
    conf.update({ beatSchedule: { c: { task: 'four', schedule: 30 } }, timezone: 'Europe/Berlin' })
    expect(tasksOf(entries)).toEqual(['c four', 'b three'])
    expect(String(entries.all()[1]?.schedule)).toBe('0 0 * * * (Europe/Berlin)')
  })

  it.each(['beat_schedule', 'CELERYBEAT_SCHEDULE'])('are those of a file for Celery: %s', (key) => {
    const app = new Celery('proj', { broker: 'memory://' })
    const entry = {
      task: 'proj.add',
      schedule: 30.5,
      args: [2, 2],
      kwargs: { z: 1 },
      options: { queue: 'q', routing_key: 'k', expires: 15, soft_time_limit: 5 },
      relative: true,
    }
    app.configFromObject({ [key]: { 'add every 30 seconds': entry } })
    expect(app.entries.all()).toEqual([
      {
        name: 'add every 30 seconds',
        task: 'proj.add',
        schedule: interval(30.5, { relative: true }),
        args: [2, 2],
        kwargs: { z: 1 },
        options: { queue: 'q', routingKey: 'k', expires: 15, softTimeLimit: 5 },
        catchUp: 'once',
        jitter: 0,
        source: 'app',
      },
    ])
    const wrong = { [key]: { add: { ...entry, schedul: 5 } } }
    expect(() => app.configFromObject(wrong)).toThrow(`Beat's entry "add" has no "schedul"; did you mean "schedule"?`)
  })

  it('are checked when they are added', () => {
    const entries = new Entries(() => new Config().values)
    expect(() => {
      entries.add('a', { task: 'one', schedule: 'soon' })
    }).toThrow('"soon" is no schedule')
    expect(entries.all()).toEqual([])
  })
})

describe('addPeriodicTask', () => {
  const make = (): { app: Celery; add: (schedule: number | string, options?: PeriodicTaskOptions) => string } => {
    const app = new Celery('proj', { broker: 'memory://' })
    const plus = app.task('proj.add', (x: number, y: number) => x + y)
    return { app, add: (schedule, options) => app.addPeriodicTask(schedule, plus.s(2, 3), options) }
  }

  it("adds the signature, under its text where it is not named: Celery's `repr`", () => {
    const { app, add } = make()
    expect([add(30), add('@daily', { name: 'daily sum' })]).toEqual(['proj.add(2, 3)', 'daily sum'])
    expect(app.entries.all().map(({ name, args, schedule }) => [name, args, String(schedule)])).toEqual([
      ['proj.add(2, 3)', [2, 3], 'every 30 s'],
      ['daily sum', [2, 3], '0 0 * * * (UTC)'],
    ])
    const greet = app.signature('proj.greet', ['Ann'], { kwargs: { loud: true } })
    expect(app.addPeriodicTask(30, greet)).toBe("proj.greet('Ann', loud=True)")
  })

  it("lets options win over the signature's, and takes those of the entry", () => {
    const { app } = make()
    const signature = app.signature('proj.add', [1, 2], { queue: 'slow', priority: 3 })
    const name = app.addPeriodicTask(10, signature, {
      queue: 'fast',
      expires: 60,
      relative: true,
      jitter: 2,
      catchUp: 'skip',
    })
    const [entry] = app.entries.all()
    expect(entry).toEqual({
      name,
      task: 'proj.add',
      args: [1, 2],
      kwargs: {},
      schedule: interval(10, { relative: true }),
      options: { queue: 'fast', priority: 3, expires: 60 },
      jitter: 2,
      catchUp: 'skip',
      source: 'app',
    })
  })

  it('refuses work-flows, which are no single call', () => {
    const { app } = make()
    const one = app.signature('proj.one')
    const flows: AnySignature[] = [chain(one, one), group([one, one]), chord([one, one], one)]
    for (const flow of flows) {
      expect(() => app.addPeriodicTask(30, flow)).toThrow(/is a (chain|group|chord), which is no single call/)
    }
    expect(app.entries.all()).toEqual([])
  })

  it('is checked by the compiler', () => {
    const { app } = make()
    const add = app.task('proj.sum', (x: number, y?: number) => x + (y ?? 0))
    // Only the compiler looks at these.
    const never = (): unknown[] => [
      app.addPeriodicTask(30, add.s(1, 2)),
      app.addPeriodicTask('@hourly', add.s(1), { name: 'sum', expires: 30 }),
      app.addPeriodicTask(interval(30), add.si(1)),
      app.addPeriodicTask(30, app.signature('elsewhere.task', [1])),
      // @ts-expect-error the signature still lacks an argument
      app.addPeriodicTask(30, add.s()),
      // @ts-expect-error a text is no number
      app.addPeriodicTask(30, add.s('one')),
      // @ts-expect-error there is no such option
      app.addPeriodicTask(30, add.s(1), { expire: 30 }),
      // @ts-expect-error it would be the same each time
      app.addPeriodicTask(30, add.s(1), { taskId: 'x' }),
      // @ts-expect-error a date is no schedule: clocked(date) is
      app.addPeriodicTask(new Date(), add.s(1)),
    ]
    expect(never).toBeTypeOf('function')
  })

  it('stands beside the settings', () => {
    const app = new Celery('proj', {
      broker: 'memory://',
      beatSchedule: { ping: { task: 'proj.ping', schedule: 30 }, old: { task: 'proj.old', schedule: 60 } },
    })
    app.addPeriodicTask(10, app.signature('proj.new'), { name: 'old' })
    expect(tasksOf(app.entries)).toEqual(['ping proj.ping', 'old proj.new'])
  })
})
