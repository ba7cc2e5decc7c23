import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { importModule } from '../../../src/app/loader.ts'
import { type CeleryError, ImproperlyConfigured } from '../../../src/errors.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

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

  it.each(['{ "type": "module" }', '{}'])(
    'is one module for JavaScript and TypeScript in a package like %s',
    async (text) => {
      write('package.json', text)
      const app = write('app.js', 'export const token = {}')
      const tasks = write('tasks.ts', "import { token } from './app.js'\nexport const seen: object = token")
      const more = write('more.js', "import { token } from './app.js'\nexport const seen = token")
      const { token } = await importModule(app)
      expect(token).toBeDefined()
      expect((await importModule(tasks))['seen']).toBe(token)
      expect((await importModule(more))['seen']).toBe(token)
    },
  )

  it('loads CommonJS', async () => {
    write('package.json', '{}')
    expect(await importModule(write('app.js', 'exports.x = 1'))).toMatchObject({ x: 1 })
    expect(await importModule(write('app.cjs', 'exports.x = 2'))).toMatchObject({ x: 2 })
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

  it('shows the place of a syntax error in a module further down', async () => {
    write('down.mjs', 'export const y = 1\nconst z = (\nconst q = 2\n')
    const file = write('top.mjs', "import { y } from './down.mjs'\nconsole.log(y)")
    expect((await errorOf(importModule(file))).message).toContain('down.mjs:3')
  })

  it('runs nothing twice to find a syntax error', async () => {
    const witness = join(folder, 'ran')
    write('down.mjs', 'const z = (\nconst q = 2\n')
    const file = write(
      'top.mjs',
      `import { appendFileSync } from 'node:fs'
       appendFileSync(${JSON.stringify(witness)}, 'once')
       await import('./down.mjs')`,
    )
    expect((await errorOf(importModule(file))).message).toContain('SyntaxError')
    expect(readFileSync(witness, 'utf8')).toBe('once')
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
