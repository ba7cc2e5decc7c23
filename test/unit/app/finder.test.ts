import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { isApp, loadApp, locateApp } from '../../../src/app/finder.ts'
import { importModule } from '../../../src/app/loader.ts'
import { type CeleryError, ImproperlyConfigured } from '../../../src/errors.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const anApp = "{ [Symbol.for('celeriac.app')]: true }"

let folder: string

beforeEach(() => {
  folder = temporaryDirectory()
})

function write(name: string, text: string): string {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

async function errorOf(promise: Promise<unknown>): Promise<CeleryError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ImproperlyConfigured)
  return error as CeleryError
}

describe('locateApp', () => {
  it.each([
    ['app.ts', 'app.ts', undefined],
    ['./app.ts:jobs', 'app.ts', 'jobs'],
    ['app', 'app.ts', undefined],
    ['app:$jobs_1', 'app.ts', '$jobs_1'],
    ['proj', 'proj/celery.mjs', undefined],
    ['proj.other:x', 'proj/other.js', 'x'],
    ['proj/other.js', 'proj/other.js', undefined],
  ])('%s is %s, export %s', (spec, file, exportName) => {
    for (const name of ['app.ts', 'proj/celery.mjs', 'proj/index.ts', 'proj/other.js']) write(name, '')
    expect(locateApp(spec, folder)).toEqual({ file: join(folder, file), exportName })
  })

  it('takes an absolute path', () => {
    const file = write('app.ts', '')
    expect(locateApp(`${file}:app`, '/')).toEqual({ file, exportName: 'app' })
  })

  it('names the file that may be meant', () => {
    write('tasks.ts', '')
    expect(() => locateApp('taks.ts', folder)).toThrow(/no file .*taks\.ts; did you mean "tasks\.ts"\?/)
    expect(() => locateApp('taks', folder)).toThrow(/did you mean "tasks"\?/)
    expect(() => locateApp('elsewhere/app.ts', folder)).toThrow(/folder .*elsewhere does not exist/)
  })
})

describe('loadApp', () => {
  it.each([
    ['app', `export const other = ${anApp}; export const app = ${anApp}`],
    ['celery', `export const other = ${anApp}; export const celery = ${anApp}`],
    ['default', `export const other = ${anApp}; export default ${anApp}`],
    ['jobs', `export const x = 1; export const app = 'no app'; export const jobs = ${anApp}`],
  ])('finds the export "%s"', async (name, text) => {
    const js = write('a.mjs', text)
    expect(await loadApp(locateApp('a.mjs', folder))).toBe((await importModule(js))[name])
    const ts = write('b.ts', text)
    expect(await loadApp(locateApp('b.ts', folder))).toBe((await importModule(ts))[name])
  })

  it('takes the export that is named', async () => {
    const file = write('a.mjs', `export const app = ${anApp}; export const second = ${anApp}`)
    expect(await loadApp(locateApp('a.mjs:second', folder))).toBe((await importModule(file))['second'])
  })

  it('says which exports there are when the named one is missing', async () => {
    const file = write('a.mjs', `export const app = ${anApp}; export const jobs = 1`)
    const error = await errorOf(loadApp({ file, exportName: 'job' }))
    expect(error.message).toContain('no export "job"; did you mean "jobs"?')
    expect(error.message).toContain('exports: app, jobs')
  })

  it('says that the named export is no app', async () => {
    const file = write('a.mjs', 'export const jobs = 1')
    expect((await errorOf(loadApp({ file, exportName: 'jobs' }))).message).toContain('"jobs" of')
  })

  it('says what to write when a module has no app', async () => {
    const file = write('a.ts', 'export const x: number = 1')
    const error = await errorOf(loadApp({ file, exportName: undefined }))
    expect(error.message).toContain('exports no Celery app')
    expect(error.message).toContain('exports: x')
    expect(error.message).toContain('new Celery(')
  })
})

describe('isApp', () => {
  it('knows the brand, not the class', () => {
    expect(isApp({ [Symbol.for('celeriac.app')]: true })).toBe(true)
    for (const value of [undefined, null, 1, 'app', {}, () => undefined]) expect(isApp(value)).toBe(false)
  })
})
