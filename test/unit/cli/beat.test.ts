import { describe, expect, it, vi } from 'vitest'
import { beatComponent } from '../../../src/cli/beat.ts'
import { main } from '../../../src/cli/main.ts'
import { Celery } from '../../../src/index.ts'
import { deferred } from '../../../src/util/deferred.ts'
import type { ComponentHost } from '../../../src/worker/component.ts'
import { Exit, FakeProcess, installApp } from '../../support/command-line.ts'
import { waitFor } from '../../support/wait-for.ts'

/** A beat that runs until it is stopped, and ends when told. */
function fakeBeat() {
  const ended = deferred<undefined>()
  return {
    start: vi.fn(() => Promise.resolve()),
    closed: () => ended.promise,
    stop: vi.fn(() => Promise.resolve()),
    end: () => ended.resolve(undefined),
  }
}

function start(argv: readonly string[], env: Record<string, string> = {}) {
  const beat = fakeBeat()
  const real = new Celery('proj', { broker: 'redis://user:secret@h/0' })
  real.addPeriodicTask(30, real.signature('proj.ping'))
  const { conf, entries, clock, logger } = real
  const app = {
    ...{ main: 'proj', conf, entries, clock, logger },
    worker: () => undefined,
    beat: vi.fn((_options: object) => beat),
    prepare: () => real.prepare(),
    importTasks: () => real.importTasks(),
    redirectLog: vi.fn(() => true),
  }
  const process = new FakeProcess({ env })
  installApp(process.cwd(), app)
  const code = main(['-A', 'app.mjs', 'beat', ...argv], process)
  const ready = async () => {
    await waitFor(() => beat.start.mock.calls.length > 0)
    // The command hears of it in this turn.
    await new Promise(setImmediate)
  }
  return { beat, app, process, code, ready }
}

describe('celeriac beat', () => {
  it('makes a beat of its options, and says what it is', async () => {
    const { beat, app, process, code, ready } = start(['-s', 'runs.json', '--max-interval', '5', 'beat.sync_every=3'])
    await ready()
    expect(app.beat).toHaveBeenCalledExactlyOnceWith({ filename: 'runs.json', maxInterval: 5 })
    expect(app.conf.beatSyncEvery).toBe(3)
    expect(process.title).toMatch(/^celeriac beat: beat@/)
    expect(process.stdout.text).toMatch(/^celeriac beat v\S+ is starting\.\n/)
    expect(process.stdout.text).toContain('.> broker:      redis://user:**@h/0\n')
    expect(process.stdout.text).toContain('.> timetable:   1 entry of the code; "celeriac beat list" shows all\n')
    expect(process.stdout.text).toContain('.> log:         [stderr]@WARNING\n.> maxinterval: 5 s\n')
    beat.end()
    expect(await code).toBe(0)
    expect(process.eventNames()).toEqual([])
  })

  it('ends at once while it is not up yet', async () => {
    const { beat, process, code, ready } = start([])
    const starting = deferred<undefined>()
    beat.start.mockReturnValue(starting.promise)
    await ready()
    expect(() => process.emit('SIGTERM')).toThrow(expect.objectContaining({ exitCode: 0 }) as Exit)
    starting.resolve(undefined)
    beat.end()
    await code
  })

  it('takes what is left out from settings and environment', async () => {
    const { beat, app, code, ready } = start([], { CELERY_BEAT_MAX_INTERVAL: '7' })
    await ready()
    expect(app.beat).toHaveBeenCalledExactlyOnceWith({})
    beat.end()
    expect(await code).toBe(0)
  })

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ends in order with %s, and at once with a second one',
    async (signal) => {
      const { beat, process, code, ready } = start([])
      await ready()
      process.emit(signal)
      expect(beat.stop).toHaveBeenCalledOnce()
      expect(() => process.emit('SIGTERM')).toThrow(Exit)
      expect(beat.stop).toHaveBeenCalledOnce()
      beat.end()
      expect(await code).toBe(0)
    },
  )

  it('says what is no setting, and no command', async () => {
    const command = start(['lisst'])
    expect(await command.code).toBe(2)
    expect(command.process.stderr.text).toBe('Error: There is no command "beat lisst"; did you mean "list"?\n')
    const setting = start(['beat.sync_evry=3'])
    expect(await setting.code).toBe(1)
    expect(setting.process.stderr.text).toContain('There is no setting "beat.sync_evry"')
  })
})

describe('a beat inside a worker', () => {
  it('starts with it, and ends when it begins to stop', async () => {
    const beat = fakeBeat()
    const app = { beat: vi.fn((_options: object) => beat) }
    const stopping = new AbortController()
    const component = beatComponent(app as unknown as Celery, 'runs.json')
    const undo = await component.start?.({ stopping: stopping.signal } as ComponentHost)
    expect(app.beat).toHaveBeenCalledExactlyOnceWith({ filename: 'runs.json', embedded: true })
    expect(beat.start).toHaveBeenCalledOnce()
    stopping.abort()
    expect(beat.stop).toHaveBeenCalledOnce()
    await undo?.()
    expect(beat.stop).toHaveBeenCalledTimes(2)
  })
})
