import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importPeer, installedVersion, requirePeer } from '../../../src/driver/load.ts'
import { ImproperlyConfigured, MissingDriver } from '../../../src/errors.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** A project with packages of its own, as the working directory. */
let project: string
const home = process.cwd()

function write(path: string, content: unknown): void {
  const file = join(project, 'node_modules', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
}

beforeEach(() => {
  project = temporaryDirectory()
  process.chdir(project)
})

afterEach(() => {
  process.chdir(home)
})

describe('installedVersion', () => {
  it('is that of the package as we see it, or as the project does', () => {
    write('celeriac-some-package/package.json', { version: '1.2.3', exports: './x.js' })
    expect(installedVersion('yaml')).toMatch(/^\d+\.\d+\.\d+/)
    expect(installedVersion('celeriac-some-package')).toBe('1.2.3')
    expect(installedVersion('celeriac-no-such-package')).toBeUndefined()
  })
})

describe('importPeer', () => {
  it('takes the module that is handed in', async () => {
    const mine = { parse: () => 1 }
    expect(await importPeer('no-such-package', 'The test', mine)).toBe(mine)
  })

  it('imports a package that we can see', async () => {
    const yaml = await importPeer<{ parse: (text: string) => unknown }>('yaml', 'The test')
    expect(yaml.parse('a: 1')).toEqual({ a: 1 })
  })

  it('says what to install, and for what', async () => {
    const missing = importPeer('celeriac-no-such-package', 'The serializer yaml')
    await expect(missing).rejects.toBeInstanceOf(MissingDriver)
    await expect(missing).rejects.toMatchObject({
      packageName: 'celeriac-no-such-package',
      message:
        'The serializer yaml needs the package "celeriac-no-such-package". Install it with: npm install celeriac-no-such-package',
    })
  })

  it('finds a package of the project that only `require` knows', async () => {
    write('celeriac-peer-cjs/package.json', { name: 'celeriac-peer-cjs', main: './main.js' })
    write('celeriac-peer-cjs/main.js', 'exports.answer = 42')
    expect(await importPeer('celeriac-peer-cjs', 'The test')).toMatchObject({ answer: 42 })
  })

  it.each<[string, unknown]>([
    ['celeriac-peer-text', './main.js'],
    ['celeriac-peer-conditions', { types: './main.d.ts', node: { require: './no.cjs', import: './main.js' } }],
    ['celeriac-peer-subpaths', { './other': './no.js', '.': { browser: './no.js', import: { default: './main.js' } } }],
    ['@celeriac/peer-scoped', { '.': { import: './main.js' } }],
  ])('finds a package of the project that is for `import`: %s', async (name, exports) => {
    write(`${name}/package.json`, { name, type: 'module', exports })
    write(`${name}/main.js`, 'export const answer = 42')
    expect(await importPeer(name, 'The test')).toMatchObject({ answer: 42 })
  })

  it('does not take a package that is broken for one that is missing', async () => {
    write('celeriac-peer-broken/package.json', { name: 'celeriac-peer-broken', type: 'module', exports: './main.js' })
    write('celeriac-peer-broken/main.js', 'import "celeriac-peer-of-the-peer"')
    const broken = importPeer('celeriac-peer-broken', 'The test')
    await expect(broken).rejects.toThrow(
      'The test needs the package "celeriac-peer-broken", which is installed and does not load',
    )
    await expect(broken).rejects.toBeInstanceOf(ImproperlyConfigured)
    await expect(broken).rejects.not.toBeInstanceOf(MissingDriver)
  })

  it('does not look further for what was found and is broken', async () => {
    write('celeriac-peer-file/main.js', 'import "celeriac-peer-of-the-file"')
    const file = pathToFileURL(join(project, 'node_modules/celeriac-peer-file/main.js')).href
    for (const name of ['node:celeriac-no-such-module', file]) {
      await expect(importPeer(name, 'The test')).rejects.toThrow('which is installed and does not load')
    }
  })

  it('takes a folder without a usable package for a missing one', async () => {
    write('celeriac-peer-empty/package.json', '{')
    await expect(importPeer('celeriac-peer-empty', 'The test')).rejects.toBeInstanceOf(MissingDriver)
    write('celeriac-peer-browser/package.json', { exports: { browser: './main.js' } })
    await expect(importPeer('celeriac-peer-browser', 'The test')).rejects.toBeInstanceOf(MissingDriver)
  })
})

describe('requirePeer', () => {
  it('loads a package that we can see, or the project', () => {
    write('celeriac-peer-required/package.json', { name: 'celeriac-peer-required', main: './main.js' })
    write('celeriac-peer-required/main.js', 'exports.answer = 42')
    expect(requirePeer('yaml', 'The test')).toHaveProperty('parse')
    expect(requirePeer('celeriac-peer-required', 'The test')).toEqual({ answer: 42 })
  })

  it('says what to install, and for what; and what is broken', () => {
    expect(() => requirePeer('celeriac-no-such-package', 'A solar schedule')).toThrow(MissingDriver)
    expect(() => requirePeer('celeriac-no-such-package', 'A solar schedule')).toThrow(
      'A solar schedule needs the package "celeriac-no-such-package". Install it with: npm install celeriac-no-such-package',
    )
    write('celeriac-peer-torn/index.js', 'require("celeriac-peer-of-the-torn")')
    expect(() => requirePeer('celeriac-peer-torn', 'The test')).toThrow('which is installed and does not load')
  })
})
