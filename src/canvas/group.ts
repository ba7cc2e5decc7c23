/** Group: signatures that are sent together. Its result is a `GroupResult` with one result for each of them, in order. */
import { activeExecution } from '../context.ts'
import { GROUP_TASK } from '../protocol/names.ts'
import { groupTuple } from '../protocol/result.ts'
import type { ResultTuple } from '../protocol/result.ts'
import { signatureData } from '../protocol/signature.ts'
import type { SignatureOptions } from '../protocol/signature.ts'
import type { Result } from '../result/result.ts'
import { GroupResult } from '../result/group-result.ts'
import { uuid7 } from '../util/uuid.ts'
import type { Steps } from './deliver.ts'
import { merge, mergeOptions, without } from './merging.ts'
import type { Given } from './merging.ts'
import type { SignatureLike } from './options.ts'
import { Signature } from './signature.ts'
import type { AnySignature, Place } from './signature.ts'
import { visit } from './stamping.ts'
import type { StampHeaders, StampingVisitor } from './stamping.ts'
import type { AnswersOf, MissingOfAll, TakenBy, TakenByAll } from './types.ts'

/** Signatures that are sent together, each with the same arguments in front. */
export class Group<
  A extends unknown[] = unknown[],
  R extends readonly unknown[] = unknown[],
  Takes = TakenBy<A>,
> extends Signature<A, R, Takes, GroupResult<R>> {
  /** The signatures that it sends. */
  get tasks(): AnySignature[] {
    return this.data.kwargs['tasks'] as AnySignature[]
  }

  /** How many there are. */
  get length(): number {
    return this.tasks.length
  }

  override get members(): AnySignature[] {
    return this.tasks
  }

  override get size(): number {
    return this.tasks.reduce((sum, task) => sum + task.size, 0)
  }

  /** The signatures that it sends. */
  [Symbol.iterator](): IterableIterator<AnySignature> {
    return this.tasks[Symbol.iterator]()
  }

  override clone(given?: Given): this {
    const copy = super.clone(given)
    copy.data.kwargs['tasks'] = this.tasks.map((task) => task.clone())
    return copy
  }

  /** Start them one after the other, `step` seconds apart, from `start` to at most `stop`. Answers this group. */
  skew(start = 1, stop: number = Infinity, step = 1): this {
    this.tasks.forEach((task, index) => task.set({ countdown: Math.min(start + index * step, stop) }))
    return this
  }

  /** Of all of them. Answers this group. */
  override setImmutable(immutable: boolean): this {
    for (const task of this.tasks) task.setImmutable(immutable)
    return this
  }

  /**
   * Celery's rule: called, with nothing, after the first of them. For a task after all of them pipe the group into it.
   */
  override link<S extends SignatureLike>(callback: S): S {
    this.tasks[0]?.link(this.revive(callback).clone().setImmutable(true))
    return callback
  }

  /** Called for each of them that fails. */
  override linkError<S extends SignatureLike>(errback: S): S {
    for (const task of this.tasks) task.linkError(this.revive(errback).clone())
    return errback
  }

  /** The one that a group of one is; else itself. */
  unrolled(): AnySignature {
    const [only] = this.tasks
    return only !== undefined && this.length === 1 ? only : this
  }

  protected override send(given: Given, signal: AbortSignal | undefined): Promise<GroupResult<R>> {
    if (given.options.link !== undefined || given.options.link_error !== undefined) {
      throw new TypeError('A group has no links: pipe it into a task, or link its members')
    }
    if (this.tasks.length > 0) return this.sendAll(given, signal)
    return Promise.resolve(new GroupResult<R>(this.#idFor(given.options), [] as never, this.findHost() ?? NOWHERE))
  }

  override async runHere(given: Given): Promise<GroupResult<R>> {
    const { id, members, forwarded } = this.#prepare(given)
    const results: Result[] = []
    for (const { task } of members) results.push((await task.runHere({ ...given, options: forwarded })) as Result)
    return new GroupResult<R>(id, results as never, this.findHost() ?? NOWHERE)
  }

  override *steps(given: Given): Steps {
    const { id, members, forwarded } = this.#prepare(given)
    const results: ResultTuple[] = []
    const options = { ...forwarded, add_to_parent: false }
    for (const { task, frozen } of members) {
      yield* task.steps({ ...given, options })
      results.push(frozen)
    }
    const [only] = results
    // A group of one chain that ends in a group is that group, as far as anybody waits for it.
    const result = results.length === 1 && only !== undefined && only[1] !== null ? only : groupTuple(id, results)
    if (given.options['add_to_parent'] !== false) activeExecution()?.children.push(result)
    return result
  }

  override settle({ groupId, groupIndex, chord, rootId, parentId }: Place): ResultTuple {
    const { options } = this.data
    const id = (options.task_id ??= groupId ?? this.#newId())
    if (groupId !== undefined) options['group_id'] = groupId
    if (chord !== undefined) options['chord'] = chord
    if (groupIndex !== undefined) options['group_index'] = groupIndex
    // Python writes these two even where there is nothing to write.
    if (!('root_id' in options)) options['root_id'] = rootId ?? null
    if (!('parent_id' in options)) options['parent_id'] = parentId ?? null
    const place = {
      groupId,
      chord,
      rootId: (options['root_id'] as string | null) ?? undefined,
      parentId: (options['parent_id'] as string | null) ?? undefined,
    }
    const tasks = unrollReversed(this.tasks)
    this.data.kwargs['tasks'] = tasks
    return groupTuple(
      id,
      tasks.map((task, index) => task.settle({ ...place, groupIndex: index })),
    )
  }

  override stampWith(visitor: StampingVisitor | undefined, append: boolean, headers: StampHeaders): void {
    const all = this.stampsOver(visit(visitor, 'onGroupStart', this, headers), append, headers)
    this.stampLinks(visitor, append, all)
    for (const task of this.tasks) task.stampWith(visitor, append, all)
    visitor?.onGroupEnd?.(this, all)
  }

  #newId(): string {
    return this.findHost()?.newId() ?? uuid7()
  }

  #idFor(options: SignatureOptions): string {
    return mergeOptions(this.data.options, options).task_id ?? this.#newId()
  }

  /** Its members one by one, each a copy with its place; and the options that each of them is given. */
  #prepare(given: Given): Prepared {
    const { options } = merge(this.data, given)
    const id = this.#idFor(given.options)
    const rootId = (options['root_id'] as string | null | undefined) ?? undefined
    const args = this.data.args
    const members = placed(this.tasks, args, { groupId: id, rootId })
    return { id, members, forwarded: { ...without(options, 'task_id', 'group_index', 'add_to_parent'), group_id: id } }
  }
}

interface Prepared {
  readonly id: string
  readonly members: Iterable<{ readonly task: AnySignature; readonly frozen: ResultTuple }>
  readonly forwarded: SignatureOptions
}

/** An empty group has no app, and needs none. */
const NOWHERE = {
  backend: () => Promise.reject(new Error('An empty group belongs to no app')),
  revoke: () => Promise.resolve(),
}

/** Groups inside are unrolled; Celery counts places anew in each. */
function* placed(tasks: readonly AnySignature[], args: readonly unknown[], place: Place): Prepared['members'] {
  let index = 0
  for (const each of tasks) {
    if (isGroup(each)) yield* placed(each.tasks, args, place)
    else {
      const task = each.clone(args.length === 0 ? undefined : { args, kwargs: {}, options: {} })
      yield { task, frozen: task.settle({ ...place, groupIndex: index }) }
    }
    index += 1
  }
}

/** Copies of all tasks, those of groups inside in Celery's order: the last one first. */
function unrollReversed(tasks: readonly AnySignature[]): AnySignature[] {
  const unrolled: AnySignature[] = []
  const open = [...tasks].reverse()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (isGroup(next)) open.push(...next.tasks)
    else unrolled.push(next.clone())
  }
  return unrolled
}

/** Is it a group? */
export function isGroup(signature: unknown): signature is Group {
  return signature instanceof Group
}

/** A group of these tasks, as plain as it comes. */
export function groupOf(tasks: readonly AnySignature[], options: SignatureOptions = {}): Group {
  const host = tasks.find((task) => task.findHost() !== undefined)?.findHost()
  const data = signatureData({ task: GROUP_TASK, kwargs: { tasks: [...tasks] }, options, subtask_type: 'group' })
  return new Group(data, host)
}

/**
 * Signatures that are sent together: one after the other as arguments, or as a list or anything else that can be iterated.
 * A group in the place of the list gives its tasks.
 */
export function group<const S extends readonly AnySignature[]>(
  ...tasks: S
): Group<MissingOfAll<S>, AnswersOf<S>, TakenByAll<S>>
export function group<S extends AnySignature>(
  tasks: Iterable<S>,
): Group<MissingOfAll<S[]>, AnswersOf<S[]>, TakenByAll<S[]>>
export function group(...given: readonly (AnySignature | Iterable<AnySignature>)[]): unknown {
  return groupOf(given.flatMap(tasksOf).map((task) => (given.length === 1 && task === given[0] ? task.clone() : task)))
}

function tasksOf(given: AnySignature | Iterable<AnySignature>, _: number, all: readonly unknown[]): AnySignature[] {
  // A group is both; among others it stays one, alone it is the list of its tasks.
  if (given instanceof Signature && !(isGroup(given) && all.length === 1)) return [given]
  return [...given]
}
