/**
 * The settings of one app: layers from several sources, of which the strongest that names a setting wins, and the
 * values that come out. From strong to weak:
 *
 *  1. what is changed while the program runs, and on the command line (`update`)
 *  2. what the app's constructor was given
 *  3. the environment's CELERY_BROKER_URL, CELERY_BROKER_READ_URL, CELERY_BROKER_WRITE_URL, CELERY_RESULT_BACKEND
 *  4. a file, an object or the environment as a whole (`setSource`)
 *  5. the defaults
 */
import { inspect } from 'node:util'
import { ImproperlyConfigured } from '../errors.ts'
import { plainValue } from './censor.ts'
import { EMPTY_LAYER, readObject, readUrlVariables } from './config-source.ts'
import type { ConfigWarning, SettingsLayer } from './config-source.ts'
import { SETTINGS, SETTING_NAMES, settingRow, wireName } from './settings.ts'
import type { SettingName, Settings, SettingsInput } from './settings.ts'

/** What the settings of an app begin with. */
export interface ConfigOptions {
  /** What the app's constructor was given. */
  readonly explicit?: SettingsInput
  /** Default: the environment of this process. */
  readonly env?: Readonly<NodeJS.ProcessEnv>
}

/** What is shown of the settings. */
export interface ShowOptions {
  /** Also those that nobody has set. Default false. */
  readonly withDefaults?: boolean
  /** Hide secrets and passwords. Default true. */
  readonly censored?: boolean
}

class LayeredConfig {
  readonly #explicit: SettingsLayer
  readonly #environment: SettingsLayer
  #source: SettingsLayer = EMPTY_LAYER
  #changes: SettingsLayer = EMPTY_LAYER
  #values: Settings | undefined

  /** Throws `ImproperlyConfigured` for settings that cannot be. */
  constructor(options: ConfigOptions = {}) {
    this.#explicit = readObject(options.explicit ?? {})
    this.#environment = readUrlVariables(options.env ?? process.env)
    this.#resolve()
    // A misspelt `conf.taskAckLate = true` shall not go unnoticed.
    Object.preventExtensions(this)
  }

  /** All settings as plain properties. A new object after each change: compare it to know whether there was one. */
  get values(): Settings {
    return this.#values ?? this.#resolve()
  }

  /** What the user should know about the settings that were given, each thing once. */
  get warnings(): readonly ConfigWarning[] {
    const all = this.#layers().flatMap((layer) => layer.warnings)
    return all.filter((warning, index) => all.findIndex(({ message }) => message === warning.message) === index)
  }

  /** What was changed with `update`, to be handed to child processes. */
  get changes(): Readonly<Partial<Settings>> {
    return this.#changes.values as Partial<Settings>
  }

  /** Put a source in the place of an earlier one. Throws `ImproperlyConfigured` where it does not go with the rest. */
  setSource(source: SettingsLayer): void {
    this.#try(() => (this.#source = source))
  }

  /**
   * Change settings; what is `undefined` stays. Throws `ImproperlyConfigured` as the constructor does, and then nothing
   * is changed. Parts that have started keep the values they started with.
   */
  update(changes: SettingsInput | SettingsLayer): void {
    const { values, warnings } = isLayer(changes) ? changes : readObject(changes)
    this.#try(() => {
      this.#changes = {
        values: { ...this.#changes.values, ...values },
        warnings: [...this.#changes.warnings, ...warnings],
      }
    })
  }

  /** Was this setting given by anyone? */
  isSet(name: SettingName): boolean {
    return this.#layers().some((layer) => Object.hasOwn(layer.values, name))
  }

  /** Only the settings that somebody has given. */
  withoutDefaults(): Readonly<Partial<Settings>> {
    const given = SETTING_NAMES.filter((name) => this.isSet(name))
    return Object.fromEntries(given.map((name) => [name, this.values[name]]))
  }

  /** The settings under their wire names, as plain data that JSON can carry. */
  table(options: ShowOptions = {}): Record<string, unknown> {
    const { withDefaults = false, censored = true } = options
    const names = SETTING_NAMES.filter((name) => withDefaults || this.isSet(name))
    return Object.fromEntries(
      names
        .map(wireName)
        .map((key, index) => [key, plainValue(key, this.values[names[index] as SettingName], censored)]),
    )
  }

  /** The settings as text, one a line. */
  humanize(options: ShowOptions = {}): string {
    return Object.entries(this.table(options))
      .map(([key, value]) => `${key}: ${inspect(value, { depth: null, breakLength: 100 })}`)
      .join('\n')
  }

  /** From strong to weak. */
  #layers(): readonly SettingsLayer[] {
    return [this.#changes, this.#explicit, this.#environment, this.#source]
  }

  /** Undo a change that leads to settings that cannot be. */
  #try(change: () => void): void {
    const before = [this.#source, this.#changes] as const
    try {
      change()
      this.#resolve()
    } catch (error) {
      ;[this.#source, this.#changes] = before
      throw error
    }
  }

  #resolve(): Settings {
    const layers = this.#layers()
    const given = (name: SettingName): unknown =>
      layers.find((layer) => Object.hasOwn(layer.values, name))?.values[name]
    this.#values = resolveSettings(given)
    return this.#values
  }
}

/** Fill in what was not given. */
function resolveSettings(given: (name: SettingName) => unknown): Settings {
  const values: Partial<Record<SettingName, unknown>> = {}
  const valueOf = (name: SettingName): unknown => {
    const row = settingRow(name)
    const own = given(name)
    const value = own === undefined ? (defaultOf(name, given) ?? row.default) : own
    return value === null && row.fallback !== undefined ? valueOf(row.fallback) : value
  }
  for (const name of SETTING_NAMES) values[name] = valueOf(name)
  const settings = Object.freeze(values) as Settings
  refuseContradictions(settings)
  return settings
}

/** Defaults that depend on other settings. */
function defaultOf(name: SettingName, given: (name: SettingName) => unknown): unknown {
  if (name === 'brokerUrl') return urlOfParts(given)
  if (name === 'timezone')
    return given('enableUtc') === false ? Intl.DateTimeFormat().resolvedOptions().timeZone : undefined
  if (name !== 'resultBackend') return undefined
  // Who runs on the embedded broker wants results too, in the same file.
  const broker = given('brokerUrl') ?? urlOfParts(given) ?? SETTINGS.brokerUrl.default
  return broker === SETTINGS.brokerUrl.default ? broker : undefined
}

/** A broker that is given as transport, host, port, user, password and virtual host; undefined where it is not. */
function urlOfParts(given: (name: SettingName) => unknown): string | undefined {
  const part = (name: SettingName): string | undefined => {
    const value = given(name)
    if (typeof value !== 'string' && typeof value !== 'number') return undefined
    // Half a character has no form in a URL.
    return encodeURIComponent(String(value).replaceAll(/\p{Surrogate}/gu, '\ufffd'))
  }
  const host = part('brokerHost')
  const transport = given('brokerTransport')
  if (host === undefined && typeof transport !== 'string') return undefined
  const user = part('brokerUser') ?? ''
  const password = part('brokerPassword')
  const credentials = password === undefined ? user : `${user}:${password}`
  const port = part('brokerPort')
  return [
    `${typeof transport === 'string' ? transport : 'amqp'}://`,
    credentials === '' ? '' : `${credentials}@`,
    host ?? '',
    port === undefined ? '' : `:${port}`,
    `/${part('brokerVhost') ?? ''}`,
  ].join('')
}

function refuseContradictions(settings: Settings): void {
  for (const group of ['event', 'control'] as const) {
    if (!settings[`${group}QueueExclusive`] || !settings[`${group}QueueDurable`]) continue
    throw new ImproperlyConfigured(
      `${group}QueueExclusive and ${group}QueueDurable cannot both be true: what belongs to one connection goes with it`,
    )
  }
}

function isLayer(changes: SettingsInput | SettingsLayer): changes is SettingsLayer {
  return 'values' in changes && 'warnings' in changes
}

for (const name of SETTING_NAMES) {
  Object.defineProperty(LayeredConfig.prototype, name, {
    enumerable: true,
    get(this: LayeredConfig): unknown {
      return this.values[name]
    },
    set(this: LayeredConfig, value: unknown) {
      this.update({ [name]: value })
    },
  })
}

/**
 * The settings of an app. Read one as a property, `conf.taskSerializer`, and set it likewise; `conf.values` is all of
 * them, for code that reads often.
 */
export type Config = LayeredConfig & { -readonly [K in SettingName]: Settings[K] }

/** See the type of this name. */
export const Config: new (options?: ConfigOptions) => Config = LayeredConfig as unknown as new (
  options?: ConfigOptions,
) => Config
