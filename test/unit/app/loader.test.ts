import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { findApp, importModule, isApp, loadApp, locateApp } from '../../../src/app/loader.ts'
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
    expect(await findApp('a.mjs', folder)).toBe((await importModule(js))[name])
    const ts = write('b.ts', text)
    expect(await findApp('b.ts', folder)).toBe((await importModule(ts))[name])
  })

  it('takes the export that is named', async () => {
    const file = write('a.mjs', `export const app = ${anApp}; export const second = ${anApp}`)
    expect(await findApp('a.mjs:second', folder)).toBe((await importModule(file))['second'])
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

describe('importModule', () => {
  it('loads TypeScript with enums, decoupled paths and top-level await, once', async () => {
    write('tsconfig.json', '{ "compilerOptions": { "paths": { "@lib/*": ["./lib/*"] } } }')
    write('lib/x.ts', 'export const x: number = 2')
    write('plain.mjs', 'export const plain = {}')
    const file = write(
      'app.ts',
      `import { x } from '@lib/x.ts'
       import { plain } from './plain.mjs'
       enum Level { low, high }
       export const level: number = Level.high + x
       export const same = plain
       export const late = await Promise.resolve('late')`,
    )
    const exports = await importModule(file)
    expect(exports).toMatchObject({ level: 3, late: 'late' })
    expect((await importModule(file))['same']).toBe(exports['same'])
    expect((await importModule(join(folder, 'plain.mjs')))['plain']).toBe(exports['same'])
  })

  it('is the same module through a symbolic link', async () => {
    const file = write('real/app.ts', 'export const token = {}')
    symlinkSync(join(folder, 'real'), join(folder, 'link'))
    expect((await importModule(join(folder, 'link/app.ts')))['token']).toBe((await importModule(file))['token'])
  })

  it.each(['bad.ts', 'bad.mjs'])('shows the line that threw in %s', async (name) => {
    const file = write(name, '// one\n\nexport const x = 1\nthrow new RangeError("boom")\n')
    const error = await errorOf(importModule(file))
    expect(error.message).toContain(`${name} could not be loaded. RangeError: boom`)
    expect((error.cause as Error).stack).toContain(`${name}:4`)
  })

  it.each([
    ['bad.ts', 'export const x = 1\nconst y = (\nconst z = 2\n'],
    ['bad.mjs', 'export const x = 1\nconst y = (\nconst z = 2\n'],
  ])('shows the place of a syntax error in %s', async (name, text) => {
    const error = await errorOf(importModule(write(name, text)))
    expect(error.message).toContain(`${name}:3`)
  })

  it('shows the place of a syntax error in a module further down, and runs nothing for it', async () => {
    write('down.mjs', 'export const y = 1\nconst z = (\nconst q = 2\n')
    const witness = join(folder, 'ran')
    const file = write(
      'top.mjs',
      `import { writeFileSync } from 'node:fs'
       import { y } from './down.mjs'
       writeFileSync(${JSON.stringify(witness)}, String(y))`,
    )
    expect((await errorOf(importModule(file))).message).toContain('down.mjs:3')
    expect(() => locateApp(witness, folder)).toThrow('no file')
  })

  it.each(['a.ts', 'a.mjs'])('names the module that %s imports and that is missing', async (name) => {
    const error = await errorOf(importModule(write(name, "import { x } from './nope.mjs'\nconsole.log(x)\n")))
    expect(error.message).toContain('nope.mjs')
    expect(error.message).toContain(`${name} could not be loaded`)
  })

  it('says that there is no such file', async () => {
    const error = await errorOf(importModule(join(folder, 'none.ts')))
    expect(error.message).toContain(`There is no file ${join(folder, 'none.ts')}`)
  })
})

describe('isApp', () => {
  it('knows the brand, not the class', () => {
    expect(isApp({ [Symbol.for('celeriac.app')]: true })).toBe(true)
    for (const value of [undefined, null, 1, 'app', {}, () => undefined]) expect(isApp(value)).toBe(false)
  })
})
