import { beforeEach, describe, expect, it } from 'vitest'
import { Celery } from '../../../src/index.ts'
import { runCommandLine } from '../../support/command-line.ts'
import type { CommandLineResult } from '../../support/command-line.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'

/** A Saturday. */
const START = Date.UTC(2026, 10, 21, 6)
const HOUR_MS = 3_600_000

let clock: FakeClock
let app: Celery

beforeEach(() => {
  clock = fakeClock(START)
  app = new Celery('proj', { broker: 'memory://', backend: 'disabled://', clock, timezone: 'Europe/Berlin' })
  app.addPeriodicTask('0 9 * * mon-fri', app.signature('proj.report'), { name: 'report' })
})

function celeriac(argv: readonly string[], options: { terminal?: boolean } = {}): Promise<CommandLineResult> {
  const { conf, schedule, tasks } = app
  const importTasks = () => app.importTasks()
  const parts = { conf, schedule, tasks, clock, importTasks, worker: () => undefined }
  return runCommandLine(['-C', 'beat', ...argv], { app: parts, ...options })
}

async function entries(): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await celeriac(['list', '--json'])
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as Record<string, unknown>[]
}

async function entry(name: string): Promise<Record<string, unknown> | undefined> {
  return (await entries()).find((each) => each['name'] === name)
}

describe('beat list', () => {
  it('says in words what comes when', async () => {
    await celeriac(['add', 'ping', 'proj.ping', '30'])
    await celeriac(['pause', 'ping'])
    const { stdout } = await celeriac(['list'], { terminal: true })
    expect(stdout).toBe(
      [
        'Name    Task         When                                  Next    Last   Runs',
        'ping    proj.ping    every 30 seconds                      paused  never  0',
        'report  proj.report  every weekday at 09:00 Europe/Berlin  in 2 d  never  0',
        '',
      ].join('\n'),
    )
  })

  it('is lines that programs can split, and JSON', async () => {
    expect((await celeriac(['list'])).stdout).toBe(
      'report\tproj.report\tevery weekday at 09:00 Europe/Berlin\tin 2 d\tnever\t0\n',
    )
    expect(await entries()).toEqual([
      {
        name: 'report',
        task: 'proj.report',
        args: [],
        kwargs: {},
        options: {},
        catchUp: 'once',
        jitter: 0,
        source: 'app',
        schedule: '0 9 * * mon-fri (Europe/Berlin)',
        description: 'every weekday at 09:00 Europe/Berlin',
        paused: false,
        totalRunCount: 0,
        lastRunAt: null,
        nextRunAt: '2026-11-23T08:00:00.000Z',
      },
    ])
  })

  it('knows what is due', async () => {
    await celeriac(['add', 'party', 'proj.remind', '2026-11-21T08:00:00+01:00'])
    expect((await celeriac(['list'])).stdout).toMatch(/^party\t.*\tin 60 min\tnever\t0$/m)
    await clock.advance(2 * HOUR_MS)
    expect((await celeriac(['list'])).stdout).toMatch(/^party\tproj.remind\tonce, .* UTC\tnever\tnever\t0$/m)
  })
})

describe('beat add', () => {
  it('adds an entry with all that can be said of it', async () => {
    const { code, stdout, stderr } = await celeriac([
      ...['add', 'nightly', 'proj.report', '0 3 * * *', '--timezone', 'America/New_York'],
      ...['-a', '[1]', '-k', '{"x": 2}', '--queue', 'slow', '--priority', '3', '--expires', '60'],
      ...['-o', '{"routing_key": "r"}', '--catch-up', '10', '--jitter', '2.5'],
    ])
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toBe('nightly: every day at 03:00 America/New_York; next: in 2 h\n')
    expect(await entry('nightly')).toMatchObject({
      task: 'proj.report',
      args: [1],
      kwargs: { x: 2 },
      options: { queue: 'slow', priority: 3, expires: 60, routingKey: 'r' },
      catchUp: { every: 10 },
      jitter: 2.5,
      source: 'runtime',
    })
  })

  it('reads schedules in the zone of the app', async () => {
    const { stdout } = await celeriac(['add', 'a', 't', '@daily', '--catch-up', 'skip', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ schedule: '0 0 * * * (Europe/Berlin)', catchUp: 'skip' })
    await celeriac(['add', 'b', 't', '2026-12-24T18:00'])
    expect((await entry('b'))?.['nextRunAt']).toBe('2026-12-24T17:00:00.000Z')
  })

  it('checks arguments of tasks that it knows', async () => {
    app.task('proj.ping', (host: string) => host)
    const { code, stderr } = await celeriac(['add', 'ping', 'proj.ping', '30'])
    expect([code, stderr]).toEqual([1, expect.stringContaining("missing 1 required positional argument: 'host'")])
    expect((await celeriac(['add', 'ping', 'proj.ping', '30', '-a', '["x"]'])).code).toBe(0)
    expect((await celeriac(['change', 'ping', '-a', '[]'])).code).toBe(1)
    expect(await entry('ping')).toMatchObject({ args: ['x'] })
  })

  it.each<[string, string[], number, string]>([
    ['a schedule that is none', ['add', 'a', 't', 'soon'], 1, '"soon" is no schedule; write seconds (30)'],
    ['a name that is taken', ['add', 'report', 't', '30'], 1, 'There is an entry "report" already'],
    ['an option that is none', ['add', 'a', 't', '30', '-o', '{"quue": 1}'], 1, 'did you mean "queue"?'],
    ['a catch-up that is none', ['add', 'a', 't', '30', '--catch-up', 'all'], 2, 'Write skip, once or a number'],
    ['a zone that is none', ['add', 'a', 't', '30', '--timezone', 'Europe/Nowhere'], 2, 'such as Europe/Berlin'],
    ['a schedule that is missing', ['add', 'a', 't'], 2, "missing required argument 'when'"],
  ])('refuses %s', async (_, argv, exitCode, message) => {
    const { code, stderr } = await celeriac(argv)
    expect(code).toBe(exitCode)
    expect(stderr).toContain(message)
  })
})

describe('beat change', () => {
  it('changes what it is told, and nothing else', async () => {
    await celeriac(['add', 'ping', 'proj.ping', '30', '-a', '[1]', '--queue', 'slow', '--priority', '3'])
    const { code, stderr } = await celeriac(['change', 'ping', '--when', '60', '--queue', 'fast'])
    expect([code, stderr]).toEqual([0, 'ping: every minute; next: in 60 s\n'])
    expect(await entry('ping')).toMatchObject({ args: [1], options: { queue: 'fast', priority: 3 } })
    await celeriac(['change', 'ping', '--task', 'proj.pong', '--json'])
    expect(await entry('ping')).toMatchObject({ task: 'proj.pong', schedule: 'every 60 s' })
  })

  it('refuses what cannot be', async () => {
    const code = await celeriac(['change', 'report', '--when', '60'])
    expect([code.code, code.stderr]).toEqual([1, expect.stringContaining("stands in the app's code or settings")])
    const zone = await celeriac(['change', 'report', '--timezone', 'UTC'])
    expect([zone.code, zone.stderr]).toEqual([2, 'Error: --timezone is that of a schedule: write --when too\n'])
    const unknown = await celeriac(['change', 'reprot', '--when', '60'])
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('did you mean "report"?')])
  })
})

describe('beat pause, resume, remove and run', () => {
  it('do so, for several at a time', async () => {
    await celeriac(['add', 'ping', 'proj.ping', '30'])
    expect((await celeriac(['pause', 'ping', 'report', '--json'])).stdout).toBe('{"pause":["ping","report"]}\n')
    expect((await entries()).map(({ paused }) => paused)).toEqual([true, true])
    await celeriac(['resume', 'report'])
    expect((await entries()).map(({ paused }) => paused)).toEqual([true, false])
    expect((await celeriac(['remove', 'ping'])).code).toBe(0)
    expect((await entries()).map(({ name }) => name)).toEqual(['report'])
    expect((await celeriac(['remove', 'report'])).code).toBe(1)
  })

  it('run sends the task now, and prints its id', async () => {
    const id = /^[\da-f-]{36}$/
    expect((await celeriac(['run', 'report'])).stdout.trim()).toMatch(id)
    expect(JSON.parse((await celeriac(['run', 'report', '-j'])).stdout)).toEqual({
      id: expect.stringMatching(id) as unknown,
    })
  })
})

it('looks into the file that beat is told of', async () => {
  await celeriac(['-s', 'runs.json', 'list'])
  expect(app.conf.beatScheduleFilename).toBe('runs.json')
})

it('needs an app, for a timetable belongs to one', async () => {
  const { code, stderr } = await runCommandLine(['-b', 'memory://', 'beat', 'list'])
  expect([code, stderr]).toEqual([1, expect.stringContaining('Which app?')])
})
