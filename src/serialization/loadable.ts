/** A serializer or compression that is known by name, and there once it is loaded. Loaded once, whoever asks. */
import type { ImproperlyConfigured, SerializationError } from '../errors.ts'
import { messageOf } from './body.ts'

/** What both have in common. */
interface Named {
  readonly name: string
  readonly contentType: string
}

/** One that needs to be loaded before it can be used, typically by a dynamic import. */
export interface Source<T> extends Named {
  /** Called when it is first needed, and again after it failed. */
  load(): Promise<T>
}

type ErrorClass<E> = new (message: string, options?: { readonly cause?: unknown }) => E

export class Loadable<T extends Named> {
  readonly name: string
  readonly contentType: string
  /** Undefined until it is loaded. */
  ready: T | undefined
  readonly #kind: string
  readonly #source: Source<T> | undefined
  #loading: Promise<T> | undefined
  #problem: unknown

  /** `kind` is the word for errors. */
  constructor(kind: 'serializer' | 'compression', known: T | Source<T>) {
    this.name = known.name
    this.contentType = known.contentType
    this.#kind = kind
    if ('load' in known) this.#source = known
    else this.ready = known
  }

  /** Rejects with what the source rejects with. */
  async load(): Promise<void> {
    if (this.#source === undefined) return
    this.#loading ??= this.#source.load()
    try {
      this.ready = await this.#loading
    } catch (error) {
      this.#loading = undefined
      this.#problem = error
      throw error
    }
  }

  /** The error for using it too early. */
  notLoaded<E extends ImproperlyConfigured | SerializationError>(type: ErrorClass<E>): E {
    const reason =
      this.#problem === undefined
        ? 'name it in the settings, so that the app loads it when it starts, or call load()'
        : messageOf(this.#problem)
    return new type(`The ${this.#kind} ${this.name} is not loaded: ${reason}`, { cause: this.#problem })
  }
}
