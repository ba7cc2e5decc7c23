import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Session } from '../../../src/cli/session.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { FakeProcess, installApp } from '../../support/command-line.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let folder: string
let update: ReturnType<typeof vi.fn>
let app: object

beforeEach(() => {
  folder = temporaryDirectory()
  update = vi.fn()
  app = { conf: { update }, worker: vi.fn(), close: vi.fn(() => Promise.resolve()) }
  installApp(folder, app)
})

function session(options: object = {}, { cwd = folder, env = {} } = {}): Session {
  return new Session({ color: true, ...options }, new FakeProcess({ cwd, env }))
}

describe('the app', () => {
  it('comes from -A, before all else', async () => {
    expect(await session({ app: 'app.mjs' }, { env: { CELERIAC_APP: 'nope.mjs' } }).app()).toMatchObject(app)
  })

  it('comes from CELERIAC_APP', async () => {
    expect(await session({}, { env: { CELERIAC_APP: 'app.mjs' } }).app()).toMatchObject(app)
  })

  it('comes from the nearest package.json, relative to it', async () => {
    writeFileSync(join(folder, 'package.json'), '{ "celeriac": { "app": "./app.mjs" } }')
    mkdirSync(join(folder, 'deep/down'), { recursive: true })
    expect(await session({}, { cwd: join(folder, 'deep/down') }).app()).toMatchObject(app)
    writeFileSync(join(folder, 'deep/package.json'), '{}')
    expect(() => session({}, { cwd: join(folder, 'deep/down') }).appLocation()).toThrow(/Which app\?.*-A app\.ts/)
  })

  it.each([
    ['{ "celeriac": { "app": 1 } }', /must be a text/],
    ['{ oops', /package\.json could not be read/],
  ])('complains about %s', async (text, message) => {
    writeFileSync(join(folder, 'package.json'), text)
    await expect(session().app()).rejects.toThrow(message)
  })

  it('is asked for only where tasks are needed', async () => {
    expect(() => session({}).appLocation()).toThrow(ImproperlyConfigured)
    const empty = await session({ broker: 'memory://' }).app()
    expect(empty.conf.brokerUrl).toBe('memory://')
    expect(empty.tasks.names().filter((name) => !name.startsWith('celery.'))).toEqual([])
  })

  it('is loaded once, and closed with the session', async () => {
    const it = session({ app: 'app.mjs' })
    const first = await it.app()
    expect(await it.app()).toBe(first)
    expect(it.appLocation()).toEqual({ file: join(folder, 'app.mjs'), exportName: undefined })
    await it.close()
    expect(first.close).toHaveBeenCalledOnce()
    await session().close()
  })

  it('must be a Celery', async () => {
    writeFileSync(join(folder, 'no.mjs'), "export const app = { [Symbol.for('celeriac.app')]: true }")
    await expect(session({ app: 'no.mjs' }).app()).rejects.toThrow('new Celery(')
  })
})

describe('overrides', () => {
  it('of broker and backend win over the settings file, which wins over the app', async () => {
    writeFileSync(join(folder, 'prod.json'), '{ "task_acks_late": true, "broker_url": "redis://file" }')
    await session({ app: 'app.mjs', broker: 'redis://x', resultBackend: 'redis://y', config: 'prod.json' }).app()
    const given = update.mock.calls.map(([layer]) => layer)
    expect(given[0]).toMatchObject({ values: { taskAcksLate: true, brokerUrl: 'redis://file' } })
    expect(given[1]).toEqual({ brokerUrl: 'redis://x', resultBackend: 'redis://y' })
  })
})

describe('--workdir', () => {
  it('is where everything else starts', async () => {
    expect(await session({ workdir: folder, app: 'app.mjs' }, { cwd: '/' }).app()).toMatchObject(app)
  })

  it('must be there', () => {
    const process = Object.assign(new FakeProcess(), {
      chdir: () => {
        throw new Error('ENOENT')
      },
    })
    expect(() => new Session({ color: true, workdir: '/nope' }, process)).toThrow(
      /--workdir: there is no folder \/nope/,
    )
  })
})

describe('colour', () => {
  it.each([
    [{}, {}, true],
    [{ color: false }, {}, false],
    [{}, { NO_COLOR: '1' }, false],
    [{}, { TERM: 'dumb' }, false],
  ])('%j with %j', (options, env, expected) => {
    const process = new FakeProcess({ terminal: true, env })
    const { output } = new Session({ color: true, ...options }, process)
    expect(output.style('red', 'x') !== 'x').toBe(expected)
  })
})
