/** `celeriac events` as built: its screen in a real terminal, its lines, its camera. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Celery } from '../../src/index.ts'
import type { BrokerConnection } from '../../src/messaging/connection.ts'
import type { Event } from '../../src/protocol/event.ts'
import { makeProject, runCli, startCli } from '../support/cli.ts'
import { makeEvent, publishEvents } from '../support/events.ts'
import { describeWithPty, startInPty } from '../support/pty.ts'
import type { Pty } from '../support/pty.ts'
import { ROOT } from '../support/sources.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj', { broker: 'sqlite:///broker.db' })
`
const CAMERA = `
import { writeFileSync } from 'node:fs'
export default (state) => writeFileSync('picture.json', JSON.stringify([...state.tasks.values()]))
`

let folder: string
let app: Celery
let broker: BrokerConnection

beforeEach(async () => {
  folder = makeProject({ 'app.ts': APP, 'camera.ts': CAMERA })
  app = new Celery('proj', { broker: `sqlite:///${join(folder, 'broker.db')}` })
  broker = await app.connect()
})

afterEach(async () => {
  await broker.close()
  await app.close()
})

/** Tell until the fact is there: who listens may not be ready yet. */
async function tellUntil<T>(
  events: () => readonly Event[],
  fact: () => T,
): Promise<Exclude<T, false | null | undefined>> {
  const connection = await broker.ensure()
  return waitFor(
    async () => {
      await publishEvents(connection, events())
      return fact()
    },
    { intervalMs: 100 },
  )
}

const now = (): number => Date.now() / 1000

/** What a worker with three tasks tells. */
function story(): Event[] {
  const facts = (clock: number) => ({ hostname: 'celery@box', pid: 9, clock, timestamp: now() })
  const call = { args: '(2, 2)', kwargs: '{}', retries: 0 }
  return [
    makeEvent('worker-online', { freq: 60, active: 0, processed: 3 }, facts(1)),
    makeEvent('task-received', { uuid: 'id-good', name: 'proj.add', ...call }, facts(2)),
    makeEvent('task-succeeded', { uuid: 'id-good', result: '4', runtime: 0.25 }, facts(3)),
    makeEvent('task-received', { uuid: 'id-bad', name: 'proj.mul', ...call }, facts(4)),
    makeEvent(
      'task-failed',
      { uuid: 'id-bad', exception: "ValueError('moon')", traceback: 'Traceback:\n  line 1\nValueError: moon\n' },
      facts(5),
    ),
    makeEvent('task-received', { uuid: 'id-new', name: 'proj.add', ...call }, facts(6)),
  ]
}

describeWithPty('the screen', () => {
  const start = (columns = 100, rows = 20, args: readonly string[] = []): Pty =>
    startInPty([process.execPath, join(ROOT, 'bin/celeriac.js'), '-A', 'app.ts', ...args, 'events'], {
      columns,
      rows,
      cwd: folder,
    })

  const shows = (pty: Pty, pattern: RegExp) => tellUntil(story, () => pattern.test(pty.screen.text))

  it('lists tasks and workers; keys select and show', async () => {
    const pty = start()
    await pty.sees(/No workers discovered/)
    await shows(pty, /id-new .* RECEIVED/)
    const { text } = pty.screen
    expect(text).toMatch(/UUID +WORKER +TASK +TIME +STATE/)
    expect(text).toMatch(/id-new +celery@box +proj\.add +\d\d:\d\d:\d\d RECEIVED/)
    expect(text).toMatch(/id-bad +celery@box +proj\.mul +\d\d:\d\d:\d\d FAILURE/)
    expect(text).toMatch(/No task selected\nWorkers online: celery@box\nInfo: events: \d+ tasks: \d+ workers: 1\/1\n/)
    expect(text.split('\n')).toHaveLength(20)
    pty.press('j')
    await pty.sees(/Selected: args=\(2, 2\) kwargs=\{\} retries=0/)
    pty.press('\u001b[B')
    await pty.sees(/Selected: .* exception=ValueError\('moon'\)/)
    pty.press('t')
    await pty.sees(/Task Exception Traceback for id-bad\n\n +Traceback:\n +line 1\n +ValueError: moon/)
    await pty.sees(/Press any key/)
    pty.press(' ')
    await pty.sees(/Selected: /)
    pty.press('r')
    await pty.sees(/Task Result for id-bad\n\n +ValueError\('moon'\)/)
    pty.press(' k')
    await pty.sees(/Selected: args=\(2, 2\) kwargs=\{\} retries=0$/m)
    pty.press('\r')
    await pty.sees(/Task details for id-new\n\n +args: \(2, 2\)\n +kwargs: \{\}\n +retries: 0\n +state: RECEIVED/)
    pty.press('q')
    await pty.sees(/Selected: /)
    pty.press('q')
    expect(await pty.ended).toMatchObject({ code: 0, echo: true })
    expect(pty.screen.isAlternate).toBe(false)
  })

  it('sends commands and shows the replies', async () => {
    app.task('proj.add', (x: number, y: number) => x + y)
    const worker = app.worker({ pool: 'async', hostname: 'celery@box' })
    await worker.start()
    try {
      const pty = start()
      await shows(pty, /id-new .* RECEIVED/)
      pty.press('jc')
      await pty.sees(/Remote Control Command Replies\n\n +celery@box: .*id-new/)
      pty.press(' l')
      await pty.sees(/New rate limit: _/)
      pty.press('10/x\u007fm')
      await pty.sees(/New rate limit: 10\/m_/)
      pty.press('\r')
      await pty.sees(/Remote Control Command Replies\n\n +celery@box: /)
      pty.press('\u0003')
      expect(await pty.ended).toMatchObject({ code: 0, echo: true })
    } finally {
      await worker.stop('cold')
    }
  })

  it('follows the size of the terminal, down to the smallest', async () => {
    const pty = start(100, 20)
    await shows(pty, /id-new .* RECEIVED/)
    for (const [columns, rows] of [
      [60, 12],
      [20, 4],
      [3, 1],
      [200, 50],
    ] as const) {
      pty.resize(columns, rows)
      await pty.sees(new RegExp(`^${'celeriac'.slice(0, columns)}`))
      const lines = await waitFor(() => {
        const all = pty.screen.text.split('\n')
        return all.length === rows && all
      })
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
    }
    await pty.sees(/id-new +celery@box +proj\.add +\d\d:\d\d:\d\d RECEIVED/)
    pty.press('\u0003')
    expect((await pty.ended).code).toBe(0)
  })

  it('writes only what changes', async () => {
    const pty = start()
    await shows(pty, /id-new .* RECEIVED/)
    await pty.sees(/Keys: /)
    const before = pty.screen.written.length
    pty.press('j')
    await pty.sees(/Selected: /)
    expect(pty.screen.written.length - before).toBeLessThan(1000)
  })

  it('gives the terminal back when it is terminated, and when it crashes', async () => {
    const pty = start()
    await pty.sees(/No workers discovered/)
    writeFileSync(join(folder, 'crash.ts'), `${APP}setTimeout(() => { throw new Error('crashed') }, 1500)`)
    const crashing = startInPty([process.execPath, join(ROOT, 'bin/celeriac.js'), '-A', 'crash.ts', 'events'], {
      columns: 80,
      rows: 24,
      cwd: folder,
    })
    const end = await crashing.ended
    expect(end.code).not.toBe(0)
    expect([end.echo, crashing.screen.isAlternate]).toEqual([true, false])
    expect(crashing.screen.text).toContain('crashed')
    pty.press('\u0003')
    expect(await pty.ended).toMatchObject({ code: 0, echo: true })
  })
})

describe('without a terminal', () => {
  it('says what to do instead of a screen', async () => {
    const { code, stderr } = await runCli(['-A', 'app.ts', 'events'], { cwd: folder })
    expect([code, stderr]).toEqual([1, expect.stringContaining('--dump')])
  })

  it('prints events as lines', async () => {
    const cli = startCli(['-A', 'app.ts', 'events', '--dump'], { cwd: folder })
    await tellUntil(story, () => cli.output.includes('id-new'))
    expect(cli.output).toMatch(/-> evdump: starting capture\.\.\.\n/)
    expect(cli.output).toMatch(/celery@box \[[\d-]+ [\d:.]+\] started: active=0, clock=1,/)
    expect(cli.output).toMatch(/\] task succeeded: proj\.add\(id-good\) args=\(2, 2\) kwargs=\{\} clock=3,/)
    cli.signal('SIGINT')
    expect((await cli.ended).code).toBe(0)
  })

  it('prints events for programs', async () => {
    const cli = startCli(['-A', 'app.ts', '-q', 'events', '--dump', '--json'], { cwd: folder })
    await tellUntil(story, () => cli.output.includes('id-new'))
    cli.signal('SIGTERM')
    const { code, stdout } = await cli.ended
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Event)
    expect(code).toBe(0)
    expect(events[2]).toMatchObject({ type: 'task-succeeded', uuid: 'id-good', result: '4' })
  })

  it('shows the cluster to a camera', async () => {
    const cli = startCli(['-A', 'app.ts', 'events', '--camera', 'camera.ts', '--frequency', '0.1'], { cwd: folder })
    const picture = (): { uuid: string; state: string }[] => {
      const text = readFileSync(join(folder, 'picture.json'), 'utf8')
      return JSON.parse(text) as { uuid: string; state: string }[]
    }
    const tasks = await tellUntil(story, () => {
      const all = picture()
      return all.length === 3 && all
    })
    expect(tasks).toContainEqual(expect.objectContaining({ uuid: 'id-good', state: 'SUCCESS', result: '4' }))
    cli.signal('SIGINT')
    expect((await cli.ended).code).toBe(0)
  })
})
