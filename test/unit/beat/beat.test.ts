import { describe, expect, it, onTestFinished } from 'vitest'
import type { EntryInput } from '../../../src/app/entry.ts'
import { Beat } from '../../../src/beat/beat.ts'
import type { BeatStore } from '../../../src/beat/store.ts'
import { Celery } from '../../../src/celery.ts'
import { ConnectionError, ImproperlyConfigured } from '../../../src/errors.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const START = Date.UTC(2026, 0, 1)

/** An app in memory, its clock and its log; what was sent is taken from its queue. */
function lab(entries: Readonly<Record<string, Partial<EntryInput>>> = {}, settings: object = {}) {
  const clock = fakeClock(START)
  const log: string[] = []
  const logger = createLogger({ level: 'INFO', write: ({ level, message }) => void log.push(`${level} ${message}`) })
  const app = new Celery('proj', { broker: 'memory://', clock, logger, ...settings })
  for (const [name, input] of Object.entries(entries)) {
    app.entries.add(name, { task: `proj.${name}`, schedule: 10, ...input })
  }
  onTestFinished(() => app.close())
  /** Some turns of the event loop, and no time. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await clock.advance(0)
  }
  const sent = async (): Promise<string[]> => {
    await settle()
    const connection = await app.connect()
    try {
      return await connection.withChannel(async (channel) => {
        const deliveries = await channel.basicGet('celery', 10_000, { noAck: true })
        return deliveries.map(({ message }) => String(message.headers['task']).slice('proj.'.length))
      })
    } finally {
      await connection.close()
    }
  }
  let isWarm = false
  const begin = async (beat: Beat = app.beat()): Promise<Beat> => {
    onTestFinished(() => beat.stop())
    // What is loaded when it is first needed takes time that this clock knows nothing of.
    if (!isWarm) {
      await app.sendTask('proj.first')
      expect(await sent()).toEqual(['first'])
    }
    isWarm = true
    await beat.start()
    await settle()
    return beat
  }
  return { clock, log, app, sent, begin }
}

/** Die: nothing is written or released any more, as after a kill. */
function mortal(store: BeatStore, isDead: () => boolean): BeatStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]): Promise<unknown> => {
        if (isDead() && name !== 'close') throw new ConnectionError('dead')
        return (value as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}

describe('a beat', () => {
  it('sends what is due, when it is due, for the first time after one interval', async () => {
    const { clock, log, app, sent, begin } = lab({ a: {}, b: { schedule: 25 } })
    await begin()
    expect(await sent()).toEqual([])
    await clock.advance(9999)
    expect(await sent()).toEqual([])
    await clock.advance(1)
    expect(await sent()).toEqual(['a'])
    await clock.advance(40_000)
    expect((await sent()).sort()).toEqual(['a', 'a', 'a', 'a', 'b', 'b'])
    expect(log.slice(0, 3)).toEqual([
      'INFO beat: Starting...',
      'INFO beat: This one leads',
      'INFO Scheduler: Sending due task a (proj.a)',
    ])
    expect(await app.schedule.list()).toMatchObject([
      { name: 'a', totalRunCount: 5, lastRunAt: new Date(START + 50_000), nextRunAt: new Date(START + 60_000) },
      { name: 'b', totalRunCount: 2 },
    ])
  })

  it('goes on where another one has stopped, and makes up for what was missed', async () => {
    const { clock, sent, begin } = lab({ a: {}, none: { catchUp: 'skip' }, all: { catchUp: { every: 3 } } })
    const first = await begin()
    await clock.advance(10_000)
    await first.stop()
    await sent()
    await clock.advance(65_000)
    await begin()
    expect((await sent()).sort()).toEqual(['a', 'all', 'all', 'all', 'none'])
    await clock.advance(5000)
    expect((await sent()).sort()).toEqual(['a', 'all', 'none'])
  })

  it('tells listeners', async () => {
    const { app, begin } = lab()
    const told: string[] = []
    for (const name of ['beat-init', 'beat-embedded-init'] as const) app.signals.on(name, () => void told.push(name))
    await (await begin()).stop()
    await begin(app.beat({ embedded: true }))
    expect(told).toEqual(['beat-init', 'beat-init', 'beat-embedded-init'])
  })

  it('starts and stops as often as one likes', async () => {
    const { clock, sent, app } = lab({ a: {} })
    const beat = app.beat()
    await beat.stop()
    for (let round = 0; round < 2; round += 1) {
      await Promise.all([beat.start(), beat.start()])
      await clock.advance(10_000)
      await Promise.all([beat.stop(), beat.stop()])
      await beat.closed()
      expect(beat.isLeading).toBe(false)
    }
    await beat.start()
    const stopped = beat.stop()
    await beat.start()
    await stopped
    await clock.advance(0)
    expect(beat.isLeading).toBe(true)
    await beat.stop()
    expect(await sent()).toEqual(['a', 'a'])
  })

  it('does not start with wrong settings', async () => {
    const app = new Celery('proj', { broker: 'nowhere://' })
    const beat = app.beat()
    await expect(beat.start()).rejects.toThrow(ImproperlyConfigured)
    await beat.stop()
  })
})

describe('what is changed at run time', () => {
  it('is taken up within about a second', async () => {
    const { clock, app, sent, begin } = lab({ a: { schedule: 3600 } })
    await begin()
    await app.schedule.add('new', { task: 'proj.new', schedule: 2 })
    await clock.advance(3100)
    expect(await sent()).toEqual(['new'])
    await app.schedule.change('new', { task: 'proj.other' })
    await clock.advance(2000)
    await app.schedule.pause('new')
    await clock.advance(1000)
    expect(await sent()).toEqual(['other'])
    await clock.advance(60_000)
    await app.schedule.resume('new')
    await clock.advance(2900)
    expect(await sent()).toEqual(['other'])
    await app.schedule.remove('new')
    await clock.advance(60_000)
    expect((await sent()).length).toBeLessThan(2)
  })

  it('forgets entries that are no longer in the code', async () => {
    const { clock, app, begin } = lab()
    await app.schedule.add('kept', { task: 'proj.kept', schedule: 10 })
    const store = await app.beatStores.open('memory://', {
      scope: 'proj',
      filename: '',
      broker: await app.brokerOptions(),
    })
    await store.pause('of an older version')
    await begin()
    await clock.advance(1000)
    expect((await store.load()).entries.map(({ name }) => name)).toEqual(['kept'])
  })
})

describe('of several beats', () => {
  it('one leads, and a clean stop lets the next one at once', async () => {
    const { clock, app, sent, begin } = lab({ a: {} })
    const [one, two] = [await begin(), await begin()]
    await clock.advance(20_000)
    expect([one.isLeading, two.isLeading]).toEqual([true, false])
    await one.stop()
    await clock.advance(1000)
    expect(two.isLeading).toBe(true)
    await clock.advance(20_000)
    expect(await sent()).toEqual(['a', 'a', 'a', 'a'])
    await app.close()
  })

  it('the next one takes over within five seconds, and sends nothing twice', async () => {
    const { clock, app, sent, begin } = lab({ a: { schedule: 1, catchUp: { every: 100 } } })
    const openStore = async (): Promise<BeatStore> =>
      app.beatStores.open('memory://', { scope: 'proj', filename: '', broker: await app.brokerOptions() })
    let isDead = false
    const first = await begin(new Beat(app, async () => mortal(await openStore(), () => isDead)))
    await clock.advance(4500)
    const second = await begin(new Beat(app, openStore))
    // Its states come back no more, but what it still sends does.
    isDead = true
    await clock.advance(1000)
    expect(second.isLeading).toBe(false)
    await clock.advance(4000)
    expect([first.isLeading, second.isLeading]).toEqual([false, true])
    await clock.advance(10_600)
    expect(await sent()).toEqual(Array(20).fill('a'))
  })
})

describe('what cannot be sent', () => {
  it('is logged and left, and keeps nobody', async () => {
    const { clock, log, app, sent, begin } = lab({ bad: { args: [1n << 70n, Symbol('x')] }, good: {} })
    await begin()
    await clock.advance(20_000)
    expect(await sent()).toEqual(['good', 'good'])
    expect(log.filter((line) => line.startsWith('ERROR'))).toEqual([
      'ERROR Message Error: bad (proj.bad) cannot be sent',
      'ERROR Message Error: bad (proj.bad) cannot be sent',
    ])
    expect(await app.schedule.list()).toMatchObject([{ totalRunCount: 0 }, { totalRunCount: 2 }])
  })

  it('is tried again while the broker is away', async () => {
    const { clock, log, app, sent, begin } = lab({ a: {} })
    let isAway = false
    app.use({
      publish: async (_context, next) => {
        if (isAway) throw new ConnectionError('away')
        return next()
      },
    })
    await begin()
    isAway = true
    await clock.advance(12_500)
    expect(log.filter((line) => line.startsWith('ERROR')).length).toBeGreaterThanOrEqual(2)
    isAway = false
    await clock.advance(1000)
    expect(await sent()).toEqual(['a'])
  })
})

it('opens the timetable anew where it has failed', async () => {
  const { clock, log, app, sent, begin } = lab({ a: {} })
  let opened = 0
  const openStore = async (): Promise<BeatStore> => {
    const number = (opened += 1)
    if (number === 2) throw new ConnectionError('still away')
    const store = await app.beatStores.open('memory://', {
      scope: 'proj',
      filename: '',
      broker: await app.brokerOptions(),
    })
    return mortal(store, () => number === 1)
  }
  await begin(new Beat(app, openStore))
  await clock.advance(2000)
  expect(opened).toBe(3)
  expect(log).toContain('ERROR beat: dead; it is tried again')
  expect(log).toContain('ERROR beat: still away; it is tried again')
  await clock.advance(10_000)
  expect(await sent()).toEqual(['a'])
})

describe('a clock that is set', () => {
  it('forward is like a time without a beat; back, nothing runs twice', async () => {
    const { clock, log, app, sent, begin } = lab({ a: { schedule: 60 } })
    let setMs = 0
    const { now } = app.clock
    Object.assign(app.clock, { now: () => now() + setMs })
    await begin()
    await clock.advance(60_000)
    expect(await sent()).toEqual(['a'])
    setMs = 600_000
    await clock.advance(1000)
    expect(await sent()).toEqual(['a'])
    setMs = 0
    await clock.advance(600_000)
    expect(await sent()).toEqual([])
    expect(log.some((line) => line.includes('set back by 600 s'))).toBe(true)
    await clock.advance(60_000)
    expect(await sent()).toEqual(['a'])
  })
})
