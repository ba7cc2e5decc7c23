/** Canvas: the kinds of signatures that an app knows, and how plain data becomes one of its kind again. */
import { ImproperlyConfigured } from '../errors.ts'
import { readSignature } from '../protocol/signature.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { Chain } from './chain.ts'
import { Chord } from './chord.ts'
import { Group } from './group.ts'
import type { Host, Kinds } from './host.ts'
import { pipe } from './pipe.ts'
import { Signature } from './signature.ts'
import type { AnySignature } from './signature.ts'

/** Makes a signature of one kind. Other signatures in its data are still plain. */
export type MakeSignature = (data: SignatureData, host: Host) => AnySignature

/** The kinds of signatures of one app. */
export class Canvas implements Kinds {
  readonly #host: Host
  readonly #kinds: Map<string, MakeSignature>

  constructor(host: Host) {
    this.#host = host
    this.#kinds = new Map<string, MakeSignature>([
      ['chain', (data) => new Chain(this.#withTasks(data), host)],
      ['group', (data) => new Group(this.#withTasks(data), host)],
      ['chord', (data) => new Chord(this.#withHeaderAndBody(data), host)],
    ])
  }

  /** Add a kind of your own: what has this `subtask_type` is made by `make`. */
  register(subtaskType: string, make: MakeSignature): void {
    this.#kinds.set(subtaskType, make)
  }

  /**
   * Plain data to a signature of its kind; the data is not changed. Throws `InvalidTaskError` where it is none,
   * `ImproperlyConfigured` for a kind that nobody registered.
   */
  signature(value: unknown): AnySignature {
    if (value instanceof Signature) return value as AnySignature
    const given = readSignature(value)
    const { args, kwargs, options } = given
    const data: SignatureData = { ...given, args: [...args], kwargs: { ...kwargs }, options: { ...options } }
    const { subtask_type: type } = data
    if (type === null || type === '') return new Signature(data, this.#host)
    const make = this.#kinds.get(type)
    if (make !== undefined) return make(data, this.#host)
    throw new ImproperlyConfigured(`There is no signature of the kind "${type}"; app.canvas.register() adds one`)
  }

  /** Python's `left | right`. */
  pipe(left: AnySignature, right: AnySignature): AnySignature {
    return pipe(left, right)
  }

  #withTasks(data: SignatureData): SignatureData {
    data.kwargs['tasks'] = this.#list(data.kwargs['tasks'])
    return data
  }

  /** A header is a list; a chord that was frozen has a group there, whose id is its own. */
  #withHeaderAndBody(data: SignatureData): SignatureData {
    const { header, body } = data.kwargs
    data.kwargs['header'] = Array.isArray(header) ? this.#list(header) : membersOf(this.signature(header))
    data.kwargs['body'] = body === undefined || body === null ? null : this.signature(body)
    return data
  }

  #list(tasks: unknown): AnySignature[] {
    return Array.isArray(tasks) ? tasks.map((task) => this.signature(task)) : []
  }
}

/** The members of a group or a chain; of a single task, that. */
function membersOf(header: AnySignature): readonly AnySignature[] {
  return header.members ?? [header]
}
