/**
 * Signature: a call that was not made yet, as an object with verbs over plain data. The data is equal to Python's
 * (`celery/canvas.py`), so it can be passed to tasks, stored and sent to workers of either language. A plain task is
 * one; the kinds that are made of others (`chain.ts`, `group.ts`, `chord.ts`, `chunks.ts`) extend it.
 */
import { isDeepStrictEqual } from 'node:util'
import { ImproperlyConfigured } from '../errors.ts'
import { CHUNKS_TASK, MAP_TASK, STARMAP_TASK } from '../protocol/names.ts'
import { taskTuple } from '../protocol/result.ts'
import type { ResultTuple } from '../protocol/result.ts'
import { signatureData } from '../protocol/signature.ts'
import type { SignatureData, SignatureOptions } from '../protocol/signature.ts'
import { resultFromTuple } from '../result/async-result.ts'
import type { AsyncResult } from '../result/async-result.ts'
import type { GetOptions } from '../result/result.ts'
import { isRecord, setField } from '../util/record.ts'
import type { Steps } from './deliver.ts'
import { deliver } from './deliver.ts'
import type { Host } from './host.ts'
import { merge } from './merging.ts'
import type { Given } from './merging.ts'
import { dataOf, fromWireOptions, listOf, toWireOptions } from './options.ts'
import type { PublishOptions, SignatureLike } from './options.ts'
import { mergeStamps, ownStamps, stampFields, visit } from './stamping.ts'
import type { StampHeaders, StampOptions, Stamps, StampingVisitor } from './stamping.ts'
import type { AnswerOf, FitsAfter, OutcomeOf, TakenBy, Typed } from './types.ts'

/** Any signature, whatever it lacks and answers. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- arguments are where only `any` fits both ways
export type AnySignature = Signature<any, any, never, any>

/** Where a signature stands in a work-flow, when it gets its id. */
export interface Place {
  /** The id, where it has none yet. Default: a new one. */
  readonly taskId?: string | undefined
  readonly groupId?: string | undefined
  readonly groupIndex?: number | undefined
  /** The body of the chord that it is a part of. */
  readonly chord?: SignatureLike | undefined
  readonly rootId?: string | undefined
  readonly parentId?: string | undefined
}

/** What `set` takes besides options. */
export type SetOptions = PublishOptions & { readonly immutable?: boolean }

/** Tasks that call another one in place of it: they are routed as that one. */
const CALLING_TASKS: ReadonlySet<string> = new Set([MAP_TASK, STARMAP_TASK, CHUNKS_TASK])

/**
 * A call of a task that still lacks the (leading) arguments `A` and will answer `R`. As a step it takes `Takes` from the one
 * before it; sending it resolves with `Res`.
 */
export class Signature<
  A extends unknown[] = unknown[],
  R = unknown,
  Takes = TakenBy<A>,
  Res = AsyncResult<R>,
> implements Typed<A, R, Takes, Res> {
  /** What it is made of; what is changed here is changed in the signature. */
  readonly data: SignatureData
  readonly #host: Host | undefined
  /** Only for the compiler: keep signatures apart that lack, take and answer other things. */
  declare readonly missing: A
  declare readonly answer: R
  declare readonly takes: (value: Takes) => void
  declare readonly outcome: Res

  constructor(data: SignatureData, host: Host | undefined) {
    this.data = data
    this.#host = host
  }

  /** The task's name. */
  get task(): string {
    return this.data.task
  }

  /** The positional arguments that it has. */
  get args(): readonly unknown[] {
    return this.data.args
  }

  /** The named arguments that it has. */
  get kwargs(): Readonly<Record<string, unknown>> {
    return this.data.kwargs
  }

  /** The options under their wire names. */
  get options(): Readonly<Record<string, unknown>> {
    return this.data.options
  }

  /** It takes no further arguments: links and chains pass nothing to it. */
  get immutable(): boolean {
    return this.data.immutable
  }

  /** The id that it will have, once frozen. */
  get id(): string | undefined {
    return this.data.options.task_id
  }

  /** What it belongs to. Throws `ImproperlyConfigured` for a work-flow of nothing, which belongs to no app. */
  get host(): Host {
    const host = this.findHost()
    if (host !== undefined) return host
    throw new ImproperlyConfigured('This work-flow is empty, so no app belongs to it: it cannot be sent')
  }

  /** What it, or the first of its members that knows one, belongs to. */
  findHost(): Host | undefined {
    return this.#host ?? this.members?.find((member) => member.findHost() !== undefined)?.findHost()
  }

  /** The signatures that a group or a chain is made of; undefined for any other. */
  get members(): AnySignature[] | undefined {
    return undefined
  }

  /** How many results a chord waits for that has this in its header. */
  get size(): number {
    return 1
  }

  // Sending

  /** Send it, with what it still lacks in front of the arguments it has. */
  delay(...args: A): Promise<Res> {
    return this.applyAsync(args)
  }

  /** Send it; options given here win over its own, except for its group and its stamps. Resolves once the broker has it. */
  async applyAsync(args?: A, options: PublishOptions = {}): Promise<Res> {
    const { kwargs = {}, signal, ...rest } = options
    return this.send({ args: args ?? [], kwargs, options: toWireOptions(rest) }, signal)
  }

  /** Run it here and now, as a worker would, and wait for what comes next in it. */
  async apply(args?: A, options: PublishOptions = {}): Promise<Res> {
    const { kwargs = {}, signal: _, ...rest } = options
    return this.runHere({ args: args ?? [], kwargs, options: toWireOptions(rest) })
  }

  /**
   * Let the workers elect one among them, who calls it: for what several ask for at the same time, or for what one worker is
   * to do whichever it is. Needs a broker over which workers know each other (Redis, RabbitMQ), and workers with gossip.
   * Celery's protocol promises little: where words of several workers cross, two of them may call it, or none. Resolves
   * when they have been told.
   */
  async election(): Promise<Res> {
    const candidate = this.clone()
    const result = candidate.freeze()
    await this.host.elect(candidate.id ?? this.host.newId(), candidate.toJSON())
    return result
  }

  /** Send it, as a whole. */
  protected async send(given: Given, signal: AbortSignal | undefined): Promise<Res> {
    const { task, host } = this
    const { args, kwargs, options } = merge(this.data, given)
    const call = { ...fromWireOptions(options), ...this.route(), kwargs, ...(signal === undefined ? {} : { signal }) }
    return (await host.call(task, args, call)) as Res
  }

  /** Send a work-flow: what it consists of, in batches; or run it here with `taskAlwaysEager`. */
  protected async sendAll(given: Given, signal: AbortSignal | undefined): Promise<Res> {
    const { host } = this
    if (host.canvasPolicy().alwaysEager) return this.runHere(given)
    return resultFromTuple(await deliver(host, this.steps(given), signal), host) as Res
  }

  /** Run it here and now. */
  async runHere(given: Given): Promise<Res> {
    const { args, kwargs, options } = merge(this.data, given)
    return (await this.host.apply(this.task, args, { ...fromWireOptions(options), kwargs })) as Res
  }

  /** What is published to send it, and its result. The signature itself stays as it is. */
  *steps(given: Given): Steps {
    const { args, kwargs, options } = merge(this.data, given)
    const id = (options.task_id ??= this.host.newId())
    yield {
      kind: 'call',
      call: { name: this.task, args, options: { ...fromWireOptions(options), ...this.route(), kwargs } },
    }
    return taskTuple(id)
  }

  /** Tasks that call another one are routed as that one. */
  protected route(): PublishOptions {
    if (!CALLING_TASKS.has(this.task)) return {}
    const { task } = this.data.kwargs
    const name = task instanceof Signature ? task.task : isRecord(task) ? task['task'] : task
    return typeof name === 'string' ? { routeName: name } : {}
  }

  // Changing

  /** A copy, of its members too: what is done to it leaves this one as it is. Arguments themselves are not copied. */
  clone(given?: Given): this {
    const { args, kwargs, options } = given === undefined ? this.data : merge(this.data, given)
    const data = { ...this.data, args: [...args], kwargs: { ...kwargs }, options: copyOptions(options) }
    return this.rebuild(data)
  }

  /** Change options in place. Answers this signature. */
  set(options: SetOptions): this {
    const { immutable, kwargs, ...rest } = options
    if (immutable !== undefined) this.setImmutable(immutable)
    Object.assign(this.data.options, toWireOptions(rest))
    if (kwargs !== undefined) Object.assign(this.data.kwargs, kwargs)
    return this
  }

  /** Let it take no further arguments, or let it again. Answers this signature. */
  setImmutable(immutable: boolean): this {
    this.data.immutable = immutable
    return this
  }

  /** Another one with other arguments or options in the place of its own. */
  replace(parts: Partial<Given>): this {
    const { args = this.data.args, kwargs = this.data.kwargs, options = this.data.options } = parts
    return this.rebuild({ ...this.clone().data, args: [...args], kwargs: { ...kwargs }, options: copyOptions(options) })
  }

  /** Call `callback` with the result. Answers the callback, as in Celery; adding one twice does nothing. */
  link<S extends SignatureLike>(callback: S): S {
    this.addLink('link', callback)
    return callback
  }

  /** Call `errback` if it fails. Answers the errback. */
  linkError<S extends SignatureLike>(errback: S): S {
    this.addLink('link_error', errback)
    return errback
  }

  /** Like `linkError`, but answers this signature. */
  onError(errback: SignatureLike): this {
    this.linkError(errback)
    return this
  }

  /** It, and all that is linked to it, and all that is linked to that. */
  flattenLinks(): AnySignature[] {
    return [this, ...this.links('link').flatMap((link) => this.revive(link).flattenLinks())]
  }

  /** Callbacks or errbacks, as they were given. */
  links(key: 'link' | 'link_error'): SignatureLike[] {
    return listOf(this.data.options[key])
  }

  /** Like `link` and `linkError`, but whatever the kind: the link stays with this signature until it is sent. */
  addLink(key: 'link' | 'link_error', signature: SignatureLike): void {
    const list = this.links(key)
    const data = plainOf(signature)
    if (!list.some((known) => isDeepStrictEqual(plainOf(known), data))) list.push(signature)
    this.data.options[key] = list as SignatureData[]
  }

  // Composing

  /**
   * Python's `this | next`: `next` is sent with what this answers. After a group it becomes the body of a chord, after a
   * chord it follows the body; groups of one are that one.
   */
  pipe<const N extends AnySignature>(next: FitsAfter<R, N> & N): Signature<A, AnswerOf<N>, Takes, OutcomeOf<N>> {
    const { canvas } = this.findHost() ?? (next as AnySignature).host
    const piped: unknown = canvas.pipe(this, next as AnySignature)
    return piped as Signature<A, AnswerOf<N>, Takes, OutcomeOf<N>>
  }

  /** Give it its id now, and its members theirs, so that its result can be named before it is sent. */
  freeze(place: Place = {}): Res {
    return resultFromTuple(this.settle(place), this.host) as Res
  }

  /** Like `freeze`; answers the result as a tree, whose parents may still be filled in. */
  settle({ taskId, groupId, groupIndex, chord, rootId, parentId }: Place): ResultTuple {
    const { options } = this.data
    const id = (options.task_id ??= taskId ?? this.host.newId())
    if (rootId !== undefined) options['root_id'] = rootId
    if (parentId !== undefined) options['parent_id'] = parentId
    options['reply_to'] ??= this.host.replyTo
    if (groupId !== undefined) options['group_id'] ??= groupId
    if (chord !== undefined) options['chord'] = chord
    if (groupIndex !== undefined) options['group_index'] = groupIndex
    return taskTuple(id)
  }

  // Stamping

  /**
   * Stamp it and all that is linked to it: `stamp({ trace: 'abc' })`, or let a visitor say what each is stamped with.
   * Answers this signature.
   */
  stamp(stamps: Stamps | StampingVisitor, options: StampOptions = {}): this {
    const { visitor, headers } = stampFields(stamps, options)
    this.stampWith(visitor, options.appendStamps ?? false, headers)
    return this
  }

  /** The same with stamps in wire form. */
  stampWith(visitor: StampingVisitor | undefined, append: boolean, headers: StampHeaders): void {
    this.stampLinks(visitor, append, headers)
    const visited = visit(visitor, 'onSignature', this, headers)
    Object.assign(this.data.options, this.stampsOver(visited, append, headers))
  }

  /** Callbacks and errbacks are stamped with what is said of them, not with the stamps of the task they follow. */
  protected stampLinks(visitor: StampingVisitor | undefined, append: boolean, headers: StampHeaders): void {
    for (const [key, verb] of [
      ['link', 'onCallback'],
      ['link_error', 'onErrback'],
    ] as const) {
      if (this.data.options[key] === undefined) continue
      let all = headers
      this.data.options[key] = this.links(key).map((known) => {
        const link = this.revive(known).clone()
        all = mergeStamps(all, visit(visitor, verb, link, all), append)
        link.stampWith(visitor, append, all)
        return link as unknown as SignatureData
      })
    }
  }

  /** Stamps of a visitor over those of the call, over its own. */
  protected stampsOver(visited: StampHeaders | undefined, append: boolean, headers: StampHeaders): StampHeaders {
    const merged = mergeStamps(headers, visited, append)
    return mergeStamps(merged, ownStamps(this.data.options, merged), append)
  }

  // As data

  /** The plain data; changing it does not change the signature. */
  toJSON(): SignatureData {
    return copyOf(this.data, new Map()) as SignatureData
  }

  /** Another one of its kind with this data. */
  protected rebuild(data: SignatureData): this {
    const Kind = this.constructor as new (data: SignatureData, host: Host | undefined) => Signature
    return new Kind(data, this.#host) as unknown as this
  }

  /** A signature, whichever form it has. */
  protected revive(link: SignatureLike): AnySignature {
    const known: unknown = link instanceof Signature ? link : this.host.canvas.signature(dataOf(link))
    return known as AnySignature
  }
}

/** What lets a value be waited for where that is known to end: what came before has run here. */
export const JOIN_HERE: GetOptions = { disableSyncSubtasks: false }

/** A signature of the task `name`. */
export function createSignature<A extends unknown[], R, Takes = TakenBy<A>>(
  host: Host,
  name: string,
  args: readonly unknown[],
  options: SetOptions = {},
): Signature<A, R, Takes> {
  const { immutable, kwargs, ...rest } = options
  const data = signatureData({
    task: name,
    args: [...args],
    kwargs: { ...kwargs },
    options: toWireOptions(rest),
    immutable: immutable ?? false,
  })
  return new Signature<A, R, Takes>(data, host)
}

/** Lists of links are the signature's own. */
function copyOptions(options: SignatureOptions): SignatureOptions {
  const copy = { ...options }
  for (const key of ['link', 'link_error'] as const) {
    if (Array.isArray(copy[key])) copy[key] = [...copy[key]]
  }
  return copy
}

function plainOf(signature: SignatureLike): unknown {
  return copyOf(dataOf(signature), new Map())
}

/**
 * A copy of lists, plain objects and signatures. All else is what a serializer asks for its form (results, dates, numbers
 * of Python), so it stays itself. `copies` lets a circle end, which the serializer refuses with a good word, and keeps
 * together what is there many times, such as the body of a chord.
 */
function copyOf(given: unknown, copies: Map<object, unknown>): unknown {
  const value = given instanceof Signature ? given.data : given
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
