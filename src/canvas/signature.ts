/**
 * Signature: a call that was not made yet, as an object with verbs over plain data. The data is equal to Python's
 * (`celery/canvas.py`), so it can be passed to tasks, stored and sent to workers of either language.
 */
import { isDeepStrictEqual } from 'node:util'
import type { AsyncResult } from '../result/async-result.ts'
import { signatureData } from '../protocol/signature.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { isRecord, setField } from '../util/record.ts'
import type { Host } from './host.ts'
import { fromWireOptions, linksOf, mergeOptions, toWireOptions } from './options.ts'
import type { PublishOptions, SignatureLike } from './options.ts'

/** A call of a task that still lacks the (leading) arguments `A` and will answer `R`. */
export class Signature<A extends unknown[] = unknown[], R = unknown> {
  readonly #data: SignatureData
  readonly #host: Host
  /** Only for the compiler: keeps `A` and `R` apart from those of other signatures. */
  declare readonly missing: A
  declare readonly answer: R

  constructor(data: SignatureData, host: Host) {
    this.#data = data
    this.#host = host
  }

  /** The task's name. */
  get task(): string {
    return this.#data.task
  }

  /** The positional arguments that it has. */
  get args(): readonly unknown[] {
    return this.#data.args
  }

  /** The named arguments that it has. */
  get kwargs(): Readonly<Record<string, unknown>> {
    return this.#data.kwargs
  }

  /** The options under their wire names. */
  get options(): Readonly<Record<string, unknown>> {
    return this.#data.options
  }

  /** It takes no further arguments: links and chains pass nothing to it. */
  get immutable(): boolean {
    return this.#data.immutable
  }

  /** The id that it will have, once frozen. */
  get id(): string | undefined {
    return this.#data.options.task_id
  }

  /** Send it, with what it still lacks in front of the arguments it has. */
  delay(...args: A): Promise<AsyncResult<R>> {
    return this.applyAsync(args)
  }

  /** Send it; options given here win over its own. */
  async applyAsync(args?: A, options: PublishOptions = {}): Promise<AsyncResult<R>> {
    const { immutable, task } = this.#data
    const own = fromWireOptions(this.#data.options)
    const kwargs = immutable ? this.#data.kwargs : { ...this.#data.kwargs, ...options.kwargs }
    const all = immutable ? this.#data.args : [...(args ?? []), ...this.#data.args]
    return (await this.#host.call(task, all, { ...mergeOptions(own, options), kwargs })) as AsyncResult<R>
  }

  /** A copy: what is done to it leaves this one as it is. */
  clone(): Signature<A, R> {
    return new Signature<A, R>(this.toJSON(), this.#host)
  }

  /** Change options in place. Answers this signature. */
  set(options: PublishOptions): this {
    Object.assign(this.#data.options, toWireOptions(options))
    if (options.kwargs !== undefined) Object.assign(this.#data.kwargs, options.kwargs)
    return this
  }

  /** Call `callback` with the result. Answers the callback, as in Celery; adding one twice does nothing. */
  link<S extends SignatureLike>(callback: S): S {
    this.#append('link', callback)
    return callback
  }

  /** Call `errback` if it fails. Answers the errback. */
  linkError<S extends SignatureLike>(errback: S): S {
    this.#append('link_error', errback)
    return errback
  }

  /** Like `linkError`, but answers this signature. */
  onError(errback: SignatureLike): this {
    this.linkError(errback)
    return this
  }

  /** Give it its id now, so that its result can be named before it is sent. */
  freeze(taskId?: string): string {
    return (this.#data.options.task_id ??= taskId ?? this.#host.newId())
  }

  /** The plain data; changing it does not change the signature. */
  toJSON(): SignatureData {
    return copyOf(this.#data, new Map()) as SignatureData
  }

  #append(key: 'link' | 'link_error', signature: SignatureLike): void {
    const present = this.#data.options[key]
    const list = present === undefined ? [] : Array.isArray(present) ? present : [present]
    for (const data of linksOf(signature)) {
      if (!list.some((known) => isDeepStrictEqual(known, data))) list.push(data)
    }
    this.#data.options[key] = list
  }
}

/** A signature of the task `name`. */
export function createSignature<A extends unknown[], R>(
  host: Host,
  name: string,
  args: readonly unknown[],
  options: PublishOptions & { readonly immutable?: boolean } = {},
): Signature<A, R> {
  const { immutable, kwargs, ...rest } = options
  const data = signatureData({
    task: name,
    args: [...args],
    kwargs: { ...kwargs },
    options: toWireOptions(rest),
    immutable: immutable ?? false,
  })
  return new Signature<A, R>(data, host)
}

/**
 * A copy of lists and plain objects. All else is what a serializer asks for its form (results, signatures, dates, numbers
 * of Python), so it stays itself. `copies` lets a circle end; the serializer refuses it with a good word.
 */
function copyOf(value: unknown, copies: Map<object, unknown>): unknown {
  if (!Array.isArray(value) && !isRecord(value)) return value
  const known = copies.get(value)
  if (known !== undefined) return known
  if (Array.isArray(value)) {
    const list: unknown[] = []
    copies.set(value, list)
    for (const item of value) list.push(copyOf(item, copies))
    return list
  }
  const record: Record<string, unknown> = {}
  copies.set(value, record)
  for (const [name, item] of Object.entries(value)) setField(record, name, copyOf(item, copies))
  return record
}
