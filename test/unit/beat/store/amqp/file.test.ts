import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { TimetableFile } from '../../../../../src/beat/store/amqp/file.ts'
import { ImproperlyConfigured, OperationalError } from '../../../../../src/errors.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { createLogger } from '../../../../../src/util/logger.ts'
import { fakeClock } from '../../../../support/fake-clock.ts'
import { temporaryDirectory } from '../../../../support/temporary-directory.ts'

function lab(filename = join(temporaryDirectory(), 'celerybeat-schedule')) {
  const log: string[] = []
  const logger = createLogger({ write: ({ message }) => void log.push(message) })
  const open = (clock = systemClock) => new TimetableFile({ filename, clock, logger })
  return { open, log, path: open().path }
}

it('keeps what is changed, for others too', async () => {
  const { open, path } = lab()
  const [one, two] = [open(), open()]
  expect(path).toMatch(/celerybeat-schedule\.json$/)
  expect(two.read().entries.records).toEqual([])
  await Promise.all([
    one.change(({ entries }) => {
      entries.put('a', '{"task":"t"}')
    }),
    two.change((contents) => {
      contents.entries.pause('b')
      contents.token = 7
    }),
  ])
  await one.change(({ entries }) => {
    entries.save([{ name: 'a', lastDueMs: 5, totalRunCount: 1 }])
  })
  for (const file of [one, two, open()]) {
    const { token, entries } = file.read()
    expect([token, entries.version]).toEqual([7, 2])
    expect([...entries.records].sort((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
      { name: 'a', definition: '{"task":"t"}', state: { name: 'a', lastDueMs: 5, totalRunCount: 1 }, paused: false },
      { name: 'b', definition: undefined, state: undefined, paused: true },
    ])
  }
  expect(readdirSync(dirname(path))).toEqual(['celerybeat-schedule.json'])
})

it('puts aside what it cannot read, and says so', async () => {
  const { open, log, path } = lab()
  for (const text of ['', '{"format":"celeriac timetable 1"', '{"entries":[]}', '[]']) {
    writeFileSync(path, text)
    const file = open()
    await file.change(({ entries }) => {
      entries.pause('a')
    })
    expect(readFileSync(`${path}.unreadable`, 'utf8')).toBe(text)
    expect(open().read().entries.records).toHaveLength(1)
  }
  expect(log).toHaveLength(4)
  expect(log[0]).toContain(`renamed to ${path}.unreadable`)
})

it('leaves nothing of a change that failed', async () => {
  const { open } = lab()
  const file = open()
  const failing = file.change(({ entries }) => {
    entries.pause('a')
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(file.read().entries.records).toEqual([])
})

it('waits for whoever changes it, and not for the dead', async () => {
  const { open, path } = lab()
  const clock = fakeClock()
  writeFileSync(`${path}.lock`, '')
  const waiting = expect(open(clock).change(() => undefined)).rejects.toThrow(OperationalError)
  await clock.advance(5100)
  await waiting
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(`${path}.lock`, longAgo, longAgo)
  await open().change(() => undefined)
  expect([existsSync(path), existsSync(`${path}.lock`)]).toEqual([true, false])
})

it('says which file cannot be used', async () => {
  const { open } = lab(join(temporaryDirectory(), 'missing', 'file'))
  await expect(open().change(() => undefined)).rejects.toThrow(ImproperlyConfigured)
  expect(() => lab(join(temporaryDirectory(), 'x')).open().read()).not.toThrow()
})
