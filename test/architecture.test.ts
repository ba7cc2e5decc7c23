/**
 * The rules of ARCHITECTURE.md, read off the sources. Every import counts, also those of types only. A message names the
 * file and line; when a rule and a clear page disagree, change the rule here and say why.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  findCircles,
  listFiles,
  packageOf,
  parseSource,
  readSources,
  resolveImport,
  ROOT,
  type Source,
} from './support/sources.ts'

/** From the ground up: what stands on one line may use its neighbours and all lines above it in this list. */
const FLOORS: readonly (readonly string[])[] = [
  ['util', 'errors.ts'],
  ['protocol', 'serialization', 'schedule', 'driver'],
  ['transport', 'signals.ts', 'context.ts'],
  ['messaging'],
  ['backend', 'events'],
  ['result'],
  ['canvas'],
  ['task'],
  ['app'],
  ['beat', 'dashboard'],
  ['worker'],
  ['celery.ts'],
  ['cli', 'testing', 'index.ts'],
]

/** Packages that are no client of a server, and the files that may use them. Clients belong to `src/driver/`. */
const ALLOWED_PACKAGES: Readonly<Record<string, RegExp>> = {
  acorn: /^(task\/parameters|cli\/javascript-names)\.ts$/,
  'cli-progress': /^cli\/progress\.ts$/,
  commander: /^cli\//,
  chokidar: /^cli\/reload\.ts$/,
  jiti: /^app\/loader\.ts$/,
}

/** Spellings that another process must agree on. */
const WIRE_NAMES = [
  'pidbox',
  'reply.celery',
  '.reply.',
  'celeryev',
  'celery-task-meta-',
  'celery-taskset-meta-',
  'celery_taskmeta',
  'celery_tasksetmeta',
  '_kombu',
  'unacked_',
  '\u0006\u0016',
  'x-max-priority',
  'x-message-ttl',
  'x-queue-type',
  'x-delayed',
]
/** A driver's own names stand beside it. */
const WIRE_HOMES = /^protocol\/|\/(keys|schema)\.ts$/

/** Files without a unit test of their own: they hold types, or lists of exports. */
const WITHOUT_UNIT_TEST: readonly string[] = [
  'backend/backend.ts',
  'beat/entry.ts',
  'beat/store.ts',
  'canvas/host.ts',
  'canvas/types.ts',
  'driver/redis/client.ts',
  'events/index.ts',
  'index.ts',
  'protocol/message.ts',
  'result/result.ts',
  'serialization/serializer.ts',
  'task/outcome.ts',
  'transport/transport.ts',
  'transport/virtual/store.ts',
  'testing/index.ts',
  'worker/commands/command.ts',
  'worker/component.ts',
  'worker/facts.ts',
  'worker/index.ts',
  'worker/pool/pool.ts',
]
/** The shared suites are tests themselves: `test/suites` runs them. */
const SUITES = /^testing\/(.*-suite|suite|transport\/.*|pool-runner)\.ts$/

const sources = readSources()
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

function floorOf(path: string): number {
  const [top = ''] = path.split('/')
  return FLOORS.findIndex((floor) => floor.includes(top))
}

function upwardImports(source: Source): string[] {
  return source.imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .filter(({ specifier }) => floorOf(resolveImport(source.path, specifier)) > floorOf(source.path))
    .map(({ specifier, line }) => `${source.path}:${String(line)} imports ${specifier}`)
}

function strayPackages(source: Source): string[] {
  return source.imports.flatMap(({ specifier, line }) => {
    const name = packageOf(specifier)
    const allowed = name === undefined || source.path.startsWith('driver/') || ALLOWED_PACKAGES[name]?.test(source.path)
    return allowed === true ? [] : [`${source.path}:${String(line)} imports ${specifier}`]
  })
}

function strayWireNames(source: Source): string[] {
  if (WIRE_HOMES.test(source.path)) return []
  return source.literals
    .filter(({ text }) => WIRE_NAMES.some((name) => text.includes(name)))
    .map(({ text, line }) => `${source.path}:${String(line)} spells '${text}'`)
}

describe('layers', () => {
  it('have a floor for every file', () => {
    expect(sources.filter(({ path }) => floorOf(path) === -1).map(({ path }) => path)).toEqual([])
  })

  it('import down or sideways only', () => {
    expect(sources.flatMap(upwardImports)).toEqual([])
  })

  it('have no circle among files', () => {
    const edges = sources.map(({ path, imports }): [string, string[]] => [
      path,
      imports.filter((i) => i.specifier.startsWith('.')).map((i) => resolveImport(path, i.specifier)),
    ])
    expect(findCircles(new Map(edges)).map((circle) => circle.join(' -> '))).toEqual([])
  })

  it('import files that exist', () => {
    const paths = new Set(sources.map(({ path }) => path))
    const missing = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ specifier }) => specifier.startsWith('.') && !paths.has(resolveImport(path, specifier)))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    )
    expect(missing).toEqual([])
  })
})

describe('homes', () => {
  it('name third-party packages in src/driver/ only, but for a few', () => {
    expect(sources.flatMap(strayPackages)).toEqual([])
  })

  it('spell wire names in src/protocol/ only, or in keys.ts and schema.ts beside a driver', () => {
    expect(sources.flatMap(strayWireNames)).toEqual([])
  })

  it('keep no state in a module', () => {
    const lets = sources.flatMap(({ path, moduleLets }) => moduleLets.map((line) => `${path}:${String(line)}`))
    expect(lets).toEqual([])
  })
})

describe('the mirror of src in test/unit', () => {
  const tests = listFiles('test/unit', '.test.ts').map((path) => path.replace(/\.test\.ts$/, '.ts'))
  const paths = sources.map(({ path }) => path)

  it('has a test for every file with behaviour', () => {
    const excepted = (path: string): boolean => WITHOUT_UNIT_TEST.includes(path) || SUITES.test(path)
    expect(paths.filter((path) => !tests.includes(path) && !excepted(path))).toEqual([])
  })

  it('has a file for every test', () => {
    expect(tests.filter((path) => !paths.includes(path))).toEqual([])
  })

  it('excepts no file that is not there, or that has a test after all', () => {
    expect(WITHOUT_UNIT_TEST.filter((path) => !paths.includes(path) || tests.includes(path))).toEqual([])
  })
})

describe('package.json', () => {
  const optional = new Set([
    ...Object.keys(packageJson.optionalDependencies ?? {}),
    ...Object.keys(packageJson.peerDependencies ?? {}).filter(
      (name) => packageJson.peerDependenciesMeta?.[name]?.optional === true,
    ),
  ])

  it('offers every driver package as an optional one', () => {
    const wanted = sources.flatMap(({ path, peers, imports }) => [
      ...peers.map(({ text }) => ({ path, name: packageOf(text) })),
      ...(path.startsWith('driver/') ? imports.map(({ specifier }) => ({ path, name: packageOf(specifier) })) : []),
    ])
    const missing = wanted.filter(({ name }) => name !== undefined && !optional.has(name))
    expect(missing.map(({ path, name }) => `${path} needs ${String(name)}`)).toEqual([])
  })

  it('has every optional peer among the development dependencies, so that it is tested', () => {
    const missing = Object.keys(packageJson.peerDependencies ?? {}).filter(
      (name) => !(name in packageJson.devDependencies),
    )
    expect(missing).toEqual([])
  })

  it('exports files that the build makes', () => {
    const targets = Object.values(packageJson.exports as Record<string, string | Record<string, string>>)
      .flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)))
      .concat(Object.values(packageJson.bin as Record<string, string>))
    const missing = targets.filter((target) => {
      const source = target.replace(/^\.\/dist\/(.*?)(\.d\.ts|\.js)$/, 'src/$1.ts')
      return !existsSync(join(ROOT, source))
    })
    expect(missing).toEqual([])
  })

  it('comes with a lock file that names no registry', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
    const resolved = Object.entries<{ resolved?: string; link?: boolean }>(lock.packages)
      .filter(([, entry]) => entry.resolved !== undefined && entry.link !== true)
      .map(([name, entry]) => `${name}: ${String(entry.resolved)}`)
    expect(resolved).toEqual([])
  })
})

describe('these rules themselves', () => {
  const bad = parseSource(
    'util/x.ts',
    `import type { Celery } from '../app/celery.ts'
     import Redis from 'ioredis'
     let counter = 0
     export let other = \`\${counter}.reply.celery.pidbox\`
     const lazy = (): Promise<unknown> => import('@scope/name/sub')
     type T = import('../cli/main.ts').Main
     export const requires = { package: 'amqplib', range: '>=1' } as const
     const peer = importPeer('mysql2', undefined)
     const other = requirePeer('suncalc', 'x')`,
  )

  it('see upward imports, packages, wire names, state and peers', () => {
    expect(upwardImports(bad)).toEqual(['util/x.ts:1 imports ../app/celery.ts', 'util/x.ts:6 imports ../cli/main.ts'])
    expect(strayPackages(bad)).toEqual(['util/x.ts:2 imports ioredis', 'util/x.ts:5 imports @scope/name/sub'])
    expect(strayWireNames(bad)).toEqual(["util/x.ts:4 spells '.reply.celery.pidbox'"])
    expect(bad.moduleLets).toEqual([3, 4])
    expect(bad.peers.map(({ text }) => text)).toEqual(['amqplib', 'mysql2', 'suncalc'])
  })

  it('see circles', () => {
    const edges = new Map([
      ['a', ['b', 'd']],
      ['b', ['c']],
      ['c', ['a']],
      ['d', ['c']],
    ])
    expect(findCircles(edges)).toEqual([['a', 'b', 'c', 'a']])
    expect(
      findCircles(
        new Map([
          ['a', ['b']],
          ['b', []],
        ]),
      ),
    ).toEqual([])
  })
})
