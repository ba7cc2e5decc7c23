/**
 * Chord: a group, its header, and a task that is sent with the list of its results once all of them are there: the body.
 * Who counts the parts of the header is `chord-start.ts` and the worker's matter.
 */
import { CHORD_TASK } from '../protocol/names.ts'
import { groupTuple } from '../protocol/result.ts'
import type { ResultTuple } from '../protocol/result.ts'
import { signatureData } from '../protocol/signature.ts'
import type { SignatureOptions } from '../protocol/signature.ts'
import type { AsyncResult } from '../result/async-result.ts'
import { isRecord } from '../util/record.ts'
import type { UnlockOptions } from './chord-start.ts'
import type { Steps } from './deliver.ts'
import { groupOf, isGroup } from './group.ts'
import type { Group } from './group.ts'
import type { Host } from './host.ts'
import { mergeOptions, NOTHING_GIVEN, without } from './merging.ts'
import type { Given } from './merging.ts'
import { listOf } from './options.ts'
import type { SignatureLike } from './options.ts'
import { JOIN_HERE, Signature } from './signature.ts'
import type { AnySignature, Place } from './signature.ts'
import { visit } from './stamping.ts'
import type { StampHeaders, StampingVisitor } from './stamping.ts'
import type { AnswerOf, AnswersOf, FitsAfter, MissingOfAll, OutcomeOf, TakenBy, TakenByAll } from './types.ts'

/** A header and a body. Missing arguments are those of the header's tasks. */
export class Chord<
  A extends unknown[] = unknown[],
  R = unknown,
  Takes = TakenBy<A>,
  Res = AsyncResult<R>,
> extends Signature<A, R, Takes, Res> {
  /** The tasks of the header. */
  get tasks(): AnySignature[] {
    const header = this.data.kwargs['header']
    return isGroup(header) ? header.tasks : (header as AnySignature[])
  }

  /** What is sent with their results; a chord from elsewhere may lack it. */
  get body(): AnySignature | undefined {
    return (this.data.kwargs['body'] as AnySignature | null) ?? undefined
  }

  /** Give it another body. */
  setBody(body: AnySignature): void {
    this.data.kwargs['body'] = body
  }

  override findHost(): Host | undefined {
    return super.findHost() ?? this.body?.findHost() ?? this.tasks.find((task) => task.findHost())?.findHost()
  }

  override get size(): number {
    return this.body?.size ?? 0
  }

  override clone(given?: Given): this {
    const copy = super.clone(given)
    copy.data.kwargs['header'] = this.tasks.map((task) => task.clone())
    copy.data.kwargs['body'] = this.body?.clone() ?? null
    return copy
  }

  /** Of the header's tasks. Answers this chord. */
  override setImmutable(immutable: boolean): this {
    for (const task of this.tasks) task.setImmutable(immutable)
    return this
  }

  /** Called after the body. */
  override link<S extends SignatureLike>(callback: S): S {
    this.body?.link(callback)
    return callback
  }

  /** Called when the body fails, as it does when a task of the header does; of these with `taskAllowErrorCbOnChordHeader`. */
  override linkError<S extends SignatureLike>(errback: S): S {
    if (this.findHost()?.chordPolicy().errbacksOnHeader === true) {
      const each = this.revive(errback)
      for (const task of this.tasks) task.linkError(each.clone().setImmutable(true))
    }
    // Chords in the header see to theirs, unless this one is frozen: then its own body hears of them (Celery's rule).
    const nested = isGroup(this.data.kwargs['header']) ? [] : this.tasks.filter((task) => isChord(task))
    for (const task of nested) task.linkError(errback)
    this.body?.linkError(errback)
    return errback
  }

  protected override send(given: Given, signal: AbortSignal | undefined): Promise<Res> {
    return this.sendAll(given, signal)
  }

  override async runHere(given: Given): Promise<Res> {
    const { body, header } = this.#parts(given)
    const args = this.data.immutable ? [] : given.args
    const values = await (await header.runHere({ ...given, args, options: {} })).get(JOIN_HERE)
    return (await body.runHere({ ...NOTHING_GIVEN, args: [values] })) as Res
  }

  override *steps(given: Given): Steps {
    const { args, kwargs, body, header, taskId, options } = this.#parts(given)
    const groupId = header.data.options.task_id ?? this.host.newId()
    const rootId = textOf(body.data.options['root_id'])
    Object.assign(body.data.options, without(options, 'link', 'link_error'))
    for (const callback of listOf(options.link)) body.addLink('link', callback)
    for (const errback of listOf(options.link_error)) body.addLink('link_error', errback)
    const bodyResult = body.settle({ taskId: taskId ?? this.host.newId(), groupId, rootId })
    // Each task of the header carries the body. It is final now, so it is written once.
    const [, results] = header.settle({ groupId, chord: body.toJSON(), rootId })
    let headerResult: ResultTuple = groupTuple(groupId, results ?? [])
    if (header.length === 0) yield* body.steps({ ...NOTHING_GIVEN, args: [[]] })
    else {
      yield {
        kind: 'chord',
        header: { groupId, size: header.size, results: results ?? [] },
        body: body.toJSON(),
        options: unlockOptions(given.options),
      }
      // What follows the chord follows its body.
      const forwarded = without(options, 'chain', 'chord', 'link', 'link_error')
      headerResult = yield* header.steps({ args, kwargs, options: { ...forwarded, task_id: groupId } })
    }
    return followedBy(headerResult, bodyResult)
  }

  override settle({ taskId, groupId, groupIndex, chord, rootId, parentId }: Place): ResultTuple {
    const header = this.#headerGroup()
    this.data.kwargs['header'] = header
    const { body } = this
    const headerResult = header.settle({ parentId, rootId, chord: body })
    this.data.options.task_id = header.id ?? this.host.newId()
    if (body === undefined) return headerResult
    return followedBy(headerResult, body.settle({ taskId, rootId, chord, groupId, groupIndex }))
  }

  override stampWith(visitor: StampingVisitor | undefined, append: boolean, headers: StampHeaders): void {
    const header = this.#headerGroup()
    const started =
      visitor?.onChordHeaderStart === undefined
        ? visit(visitor, 'onGroupStart', header, headers)
        : visit(visitor, 'onChordHeaderStart', this, headers)
    if (visitor !== undefined && visitor.onChordHeaderStart === undefined) this.data.kwargs['header'] = header
    let all = this.stampsOver(started, append, headers)
    this.stampLinks(visitor, append, all)
    for (const task of this.tasks) task.stampWith(visitor, append, all)
    if (visitor === undefined) return
    if (visitor.onChordHeaderEnd === undefined) visitor.onGroupEnd?.(header, all)
    else visitor.onChordHeaderEnd(this, all)
    all = this.stampsOver(visit(visitor, 'onChordBody', this, all), append, all)
    this.body?.stampWith(visitor, append, all)
  }

  /** Copies of header and body, and what each of them is given. */
  #parts({ args: inFront, kwargs: given, options: over }: Given): Parts {
    const { body: otherBody, ...kwargs } = given
    const body = otherBody instanceof Signature ? otherBody : this.body
    if (body === undefined) throw new TypeError('This chord has no body: chord(header, body)')
    const own = this.data.kwargs['kwargs']
    return {
      args: inFront.length === 0 || this.data.immutable ? this.data.args : [...inFront, ...this.data.args],
      kwargs: { ...(isRecord(own) ? own : {}), ...kwargs },
      body: body.clone({
        ...NOTHING_GIVEN,
        options: without(over, 'task_id', 'link', 'link_error', ...UNLOCK_OPTIONS),
      }),
      header: this.#headerToSend(),
      taskId: over.task_id ?? this.data.options.task_id,
      options: mergeRaw(without(this.data.options, 'task_id'), without(over, 'task_id', ...UNLOCK_OPTIONS)),
    }
  }

  #headerGroup(): Group {
    const header = this.data.kwargs['header']
    return isGroup(header) ? header : groupOf(this.tasks)
  }

  /** To be sent: a header that was never frozen has the chord's id. */
  #headerToSend(): Group {
    const header = this.#headerGroup().clone()
    const { task_id: taskId } = this.data.options
    if (!isGroup(this.data.kwargs['header']) && taskId !== undefined) header.data.options.task_id = taskId
    return header
  }
}

interface Parts {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly body: AnySignature
  readonly header: Group
  readonly taskId: string | undefined
  readonly options: SignatureOptions
}

/** `result`, whose first step follows `header`. */
function followedBy(header: ResultTuple, result: ResultTuple): ResultTuple {
  let first = result
  for (let parent = first[0][1]; parent !== null; parent = first[0][1]) first = parent
  first[0][1] = header
  return result
}

function mergeRaw(own: SignatureOptions, over: SignatureOptions): SignatureOptions {
  return mergeOptions({}, { ...own, ...over })
}

/** What is said of the task that looks after the header, not of header and body. */
const UNLOCK_OPTIONS = ['interval', 'max_retries']

function unlockOptions(options: SignatureOptions): UnlockOptions {
  const { interval, countdown, max_retries: maxRetries } = options
  return {
    ...(typeof countdown === 'number' ? { countdown } : {}),
    ...(typeof interval === 'number' ? { interval } : {}),
    ...(typeof maxRetries === 'number' ? { maxRetries } : {}),
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Is it a chord? */
export function isChord(signature: unknown): signature is Chord {
  return signature instanceof Chord
}

/** A chord of this header and body, as plain as it comes. */
export function chordOf(header: readonly AnySignature[] | Group, body: AnySignature | undefined): Chord {
  const tasks = isGroup(header) ? header.tasks : header
  const kwargs = { kwargs: {}, header: [...tasks], body: body ?? null }
  const host = [...tasks, body].find((one) => one?.findHost() !== undefined)?.findHost()
  return new Chord(signatureData({ task: CHORD_TASK, kwargs, subtask_type: 'chord' }), host)
}

/** Send `header`, a group or a list of signatures; then `body` with the list of what they answered. */
export function chord<const S extends readonly AnySignature[], const B extends AnySignature>(
  header: S | Iterable<S[number]>,
  body: FitsAfter<AnswersOf<S>, B> & B,
): Chord<MissingOfAll<S>, AnswerOf<B>, TakenByAll<S>, OutcomeOf<B>>
export function chord<A extends unknown[], R extends readonly unknown[], Takes, const B extends AnySignature>(
  header: Group<A, R, Takes>,
  body: FitsAfter<R, B> & B,
): Chord<A, AnswerOf<B>, Takes, OutcomeOf<B>>
export function chord(header: Iterable<AnySignature> | Group, body: AnySignature): unknown {
  return chordOf(isGroup(header) ? header : [...header].map((task) => task.clone()), body)
}
