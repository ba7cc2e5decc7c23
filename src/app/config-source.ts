/**
 * Reads settings from where they are written: objects in any spelling, files, the environment, the command line. Each
 * reader answers one checked layer of settings; which layer wins is `config.ts`.
 */
import { readFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { importPeer } from '../driver/load.ts'

import { ImproperlyConfigured } from '../errors.ts'
import { snakeCase } from '../util/case.ts'
import { didYouMean } from '../util/suggest.ts'
import { convertValue } from './setting-types.ts'
import { SETTING_NAMES, findSetting, keysSpelled, oldNames, settingRow, wireName } from './settings.ts'
import type { SettingName, Spelling } from './settings.ts'

/** Something about the settings that the user should know; the worker logs it once when it starts. */
export interface ConfigWarning {
  readonly setting: SettingName
  /** `deprecated`: another name or setting should be used; `ignored`: it has no effect here. */
  readonly kind: 'deprecated' | 'ignored'
  readonly message: string
}

/** Checked settings from one source. */
export interface SettingsLayer {
  readonly values: Readonly<Partial<Record<SettingName, unknown>>>
  readonly warnings: readonly ConfigWarning[]
}

/** How an object is read. */
export interface ReadOptions {
  /**
   * Look for names with this prefix first, in the object's own case: with `CELERY`, `CELERY_TASK_ACKS_LATE` is
   * `taskAcksLate`. Keys that are neither prefixed nor settings are someone else's and passed over.
   */
  readonly namespace?: string | undefined
}

/** One key of a source. The lower the rank, the better the spelling, where two stand for the same setting. */
interface Entry {
  readonly key: string
  readonly value: unknown
  readonly name: SettingName
  readonly spelling: Spelling | 'prefixed'
}

const RANKS: Readonly<Record<Entry['spelling'], number>> = { prefixed: 0, camel: 1, snake: 2, other: 3, old: 4 }

/** No settings at all. */
export const EMPTY_LAYER: SettingsLayer = { values: {}, warnings: [] }

/**
 * Read the settings of an object, in camelCase, snake_case or the old capitals. Fields that are `undefined` are as if
 * they were not there. Throws `ImproperlyConfigured` for unknown keys, for values that do not fit, and when new and old
 * names are mixed (a setting given under both is no mixture).
 */
export function readObject(source: object, options: ReadOptions = {}): SettingsLayer {
  const given = Object.entries(source).filter(([, value]) => value !== undefined)
  const prefix = prefixOf(options.namespace)
  const unknown: string[] = []
  const entries = given.flatMap(([key, value]): Entry[] => {
    const found = prefix === undefined ? findSetting(key) : findPrefixed(key, prefix)
    if (found !== undefined) return [{ key, value, ...found }]
    if (prefix === undefined || withoutPrefix(key, prefix) !== undefined) unknown.push(key)
    return []
  })
  if (unknown.length > 0) throw unknownKeys(unknown, prefix)
  if (prefix === undefined) refuseMixture(entries)
  return checkEntries(entries)
}

/** Read what the environment says in `<NAMESPACE>_<SETTING>`: `CELERY_TASK_ACKS_LATE=1`. Other variables are passed over. */
export function readEnvironment(env: Readonly<NodeJS.ProcessEnv>, namespace: string = 'CELERY'): SettingsLayer {
  const prefix = prefixOf(namespace) ?? ''
  const found = Object.entries(env).flatMap(([key, value]): Entry[] => {
    if (value === undefined || value === '' || withoutPrefix(key, prefix) === undefined) return []
    const setting = findPrefixed(key, prefix)
    return setting === undefined ? [] : [{ key, value, ...setting }]
  })
  return checkEntries(found)
}

/** Read the few variables that win over files, `CELERY_BROKER_URL` and the like. Empty ones are as if not set. */
export function readUrlVariables(env: Readonly<NodeJS.ProcessEnv>): SettingsLayer {
  return checkEntries(
    SETTING_NAMES.flatMap((name): Entry[] => {
      const { env: key = '' } = settingRow(name)
      const value = env[key]
      return value === undefined || value === '' ? [] : [{ key, value, name, spelling: 'camel' }]
    }),
  )
}

/**
 * Read settings behind a command: `worker.prefetch_multiplier=1`, `.concurrency=3` (of the command itself),
 * `broker.pool_limit=(int)3` with a type in front. Throws `ImproperlyConfigured` as `readObject` does.
 */
export function readOverrides(args: readonly string[], command: string): SettingsLayer {
  const entries = args.map((arg): Entry => {
    const equals = arg.indexOf('=')
    if (equals < 1)
      throw new ImproperlyConfigured(`"${arg}" is no setting: write name=value, such as worker.concurrency=4`)
    const written = arg.slice(0, equals)
    const path = written.replaceAll('.', '_')
    const key = snakeCase(/[a-z]/.test(path) ? path : path.toLowerCase())
    const full = key.startsWith('_') ? command + key : key
    const found = findSetting(full)
    if (found === undefined) {
      throw new ImproperlyConfigured(
        `There is no setting "${written}"${didYouMean(full, keysSpelled('snake', 'camel'))}`,
      )
    }
    return { key: written, value: castText(written, arg.slice(equals + 1)), name: found.name, spelling: 'camel' }
  })
  return checkEntries(entries)
}

/** Imports a module by its absolute path and answers its exports. */
export type ImportModule = (file: string) => Promise<Readonly<Record<string, unknown>>>

/**
 * Load the object in a file: JSON, YAML (needs the package `yaml`), or a module, whose default export or else whose
 * exports are the settings. Throws `ImproperlyConfigured` when it cannot be read or holds no object.
 */
export async function loadConfigFile(file: string, importModule: ImportModule): Promise<object> {
  const path = resolve(file)
  const content = await contentOf(path, importModule)
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content
  throw new ImproperlyConfigured(
    `${path} holds no settings: an object is expected, such as { "brokerUrl": "redis://" }`,
  )
}

async function contentOf(path: string, importModule: ImportModule): Promise<unknown> {
  const extension = extname(path).toLowerCase()
  if (extension === '.json') return parseText(path, JSON.parse)
  if (extension === '.yaml' || extension === '.yml') {
    const yaml = await importPeer<{ parse(text: string): unknown }>('yaml', `The file ${basename(path)}`)
    return parseText(path, (text) => yaml.parse(text))
  }
  const exports = await importModule(path)
  return exports['default'] ?? exports
}

async function parseText(path: string, parse: (text: string) => unknown): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ImproperlyConfigured(`${path} could not be read: ${reason}`, { cause: error })
  }
}

function prefixOf(namespace: string | undefined): string | undefined {
  const name = namespace?.replace(/_+$/, '').toLowerCase() ?? ''
  return name === '' ? undefined : `${name}_`
}

/** The rest of a key behind the prefix, in snake_case. */
function withoutPrefix(key: string, prefix: string): string | undefined {
  const snake = /[a-z]/.test(key) ? snakeCase(key) : key.toLowerCase()
  return snake.startsWith(prefix) ? snake.slice(prefix.length) : undefined
}

function findPrefixed(key: string, prefix: string): Pick<Entry, 'name' | 'spelling'> | undefined {
  const rest = withoutPrefix(key, prefix)
  const found = rest === undefined ? undefined : findSetting(rest)
  if (found !== undefined && found.spelling !== 'old') return { name: found.name, spelling: 'prefixed' }
  return findSetting(key)
}

function unknownKeys(keys: readonly string[], prefix: string | undefined): ImproperlyConfigured {
  const described = keys.map((key) => `"${key}"${didYouMean(key, candidates(key, prefix))}`)
  const [first = ''] = described
  return new ImproperlyConfigured(
    described.length === 1
      ? `There is no setting ${first}`
      : `There are no such settings:\n  ${described.join('\n  ')}`,
  )
}

/** Known keys in the style of the unknown one. */
function candidates(key: string, prefix: string | undefined): string[] {
  const capitals = !/[a-z]/.test(key)
  if (prefix !== undefined) {
    const names = SETTING_NAMES.map((name) => prefix + wireName(name))
    return capitals ? names.map((name) => name.toUpperCase()) : names
  }
  if (capitals) return keysSpelled('old')
  return key.includes('_') ? keysSpelled('snake') : keysSpelled('camel', 'other')
}

/** Celery's rule: the side with more keys is what was meant, the others must be renamed. */
function refuseMixture(entries: readonly Entry[]): void {
  const isNew = ({ spelling }: Entry): boolean => spelling === 'camel' || spelling === 'snake'
  const olds = entries.filter(({ spelling }) => spelling === 'old')
  const news = entries.filter(isNew)
  if (olds.length === 0 || news.length === 0) return
  const toOld = olds.length > news.length
  const [few, many] = toOld ? [news, olds] : [olds, news]
  const wrong = few.filter(({ name }) => !many.some((entry) => entry.name === name))
  if (wrong.length === 0) return
  const inSnake = news.some(({ spelling }) => spelling === 'snake')
  const rename = (name: SettingName): string => (toOld ? (oldNames(name)[0] ?? name) : inSnake ? wireName(name) : name)
  const renames = wrong.map(({ key, name }) => `  ${key.padEnd(36)} -> ${rename(name)}`).sort()
  throw new ImproperlyConfigured(
    `New and old names of settings cannot be mixed in one source. Rename these:\n${renames.join('\n')}` +
      (toOld ? '\nor write all of them in the new form.' : ''),
  )
}

function checkEntries(entries: readonly Entry[]): SettingsLayer {
  const best = new Map<SettingName, Entry>()
  for (const entry of entries) {
    const rival = best.get(entry.name)
    if (rival === undefined || RANKS[entry.spelling] < RANKS[rival.spelling]) best.set(entry.name, entry)
  }
  const values: Partial<Record<SettingName, unknown>> = {}
  for (const { key, value, name } of best.values()) values[name] = convertValue(key, value, settingRow(name))
  return { values, warnings: [...best.values()].flatMap(warningsOf) }
}

function warningsOf({ key, name, spelling }: Entry): ConfigWarning[] {
  const { python, elsewhere, insteadUse } = settingRow(name)
  const warnings: ConfigWarning[] = []
  const warn = (kind: ConfigWarning['kind'], message: string): void =>
    void warnings.push({ setting: name, kind, message })
  if (spelling === 'old') warn('deprecated', `${key} is an old name: write ${name}`)
  if (insteadUse !== undefined) warn('deprecated', `${key} will go: use ${insteadUse}`)
  if (python === true) warn('ignored', `${key} means something in Python only; it has no effect here`)
  if (elsewhere === true)
    warn('ignored', `${key} belongs to a result backend that celeriac does not have; it has no effect`)
  return warnings
}

/** The types that may stand in front of a value on the command line. The setting's own type checks the value again. */
const CASTS: Readonly<Record<string, (text: string, key: string) => unknown>> = {
  string: (text) => text,
  str: (text) => text,
  any: (text) => text,
  int: (text, key) => convertValue(key, text, { type: 'int', default: 0 }),
  float: (text, key) => convertValue(key, text, { type: 'float', default: 0 }),
  bool: (text, key) => convertValue(key, text, { type: 'bool', default: false }),
  json: parseJson,
  tuple: parseJson,
  list: parseJson,
  dict: parseJson,
}

function castText(key: string, text: string): unknown {
  const [prefix = '', type] = /^\((\w+)\)/.exec(text) ?? []
  if (type === undefined) return text
  const cast = Object.hasOwn(CASTS, type) ? CASTS[type] : undefined
  if (cast === undefined) {
    throw new ImproperlyConfigured(
      `${key}: there is no type "${type}"${didYouMean(type, Object.keys(CASTS)) || `; there are ${Object.keys(CASTS).join(', ')}`}`,
    )
  }
  return cast(text.slice(prefix.length), key)
}

function parseJson(text: string, key: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ImproperlyConfigured(`${key}: what is behind the type must be JSON`, { cause })
  }
}
