/**
 * A table from URL scheme to something that is loaded when it is first used. Transports and backends are found this
 * way; what they are is their registries' matter.
 */
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from './suggest.ts'
import { schemeOf, withScheme } from './url.ts'

/** Loads what a scheme stands for, typically by a dynamic import. Called once, and again after it failed. */
export type Load<T> = () => Promise<T>

/** One row: the scheme, other spellings of it, and how to load it. */
export interface SchemeRow<T> {
  readonly scheme: string
  readonly aliases?: readonly string[]
  readonly load: Load<T>
}

/** What a scheme stands for, and the URL under the scheme's first spelling. */
export interface Found<T> {
  readonly found: T
  readonly url: string
}

interface Slot<T> extends SchemeRow<T> {
  loaded: Promise<T> | undefined
}

export class SchemeTable<T> {
  readonly #subject: string
  readonly #slots = new Map<string, Slot<T>>()
  readonly #unsupported: ReadonlySet<string>

  /** `subject` is the word for errors; `unsupported` are schemes that Celery knows and we do not speak. */
  constructor(subject: string, rows: readonly SchemeRow<T>[], unsupported: readonly string[]) {
    this.#subject = subject
    this.#unsupported = new Set(unsupported)
    for (const row of rows) this.register(row)
  }

  /** Add a row, or put it in the place of an older one. */
  register(row: SchemeRow<T>): void {
    const slot = { ...row, loaded: undefined }
    for (const scheme of [row.scheme, ...(row.aliases ?? [])]) this.#slots.set(scheme.toLowerCase(), slot)
  }

  /** The schemes, without other spellings of them. */
  schemes(): string[] {
    return [...new Set([...this.#slots.values()].map((slot) => slot.scheme))]
  }

  /** Load what `url` asks for. Rejects with `ImproperlyConfigured` for a scheme that is not in the table. */
  async find(url: string): Promise<Found<T>> {
    const scheme = schemeOf(url)
    const slot = this.#slots.get(scheme)
    if (slot === undefined) throw new ImproperlyConfigured(this.#complaint(scheme))
    slot.loaded ??= slot.load()
    try {
      return { found: await slot.loaded, url: withScheme(url, slot.scheme) }
    } catch (error) {
      slot.loaded = undefined
      throw error
    }
  }

  #complaint(scheme: string): string {
    const available = `available: ${this.schemes().join(', ')}`
    if (this.#unsupported.has(scheme)) {
      return `celeriac does not speak the ${this.#subject} scheme "${scheme}" of Celery; ${available}`
    }
    const hint = didYouMean(scheme, this.#slots.keys())
    return `There is no ${this.#subject} scheme "${scheme}"${hint === '' ? `; ${available}` : hint}`
  }
}
