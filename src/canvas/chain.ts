/**
 * Chain: signatures that are sent one after the other, each with what the one before it answered. How it is made ready:
 *
 *  1. from the last step to the first, chains inside are spliced, groups of one unrolled, empty groups left out
 *  2. a group before another step becomes a chord with that step as its body
 *  3. each step gets its id, and its result the one before it as parent
 *  4. the first is sent and carries the others, the last one first (`chain` of the message), as workers take them off the end
 */
import { ImproperlyConfigured } from '../errors.ts'
import { CHAIN_TASK } from '../protocol/names.ts'
import type { ResultTuple } from '../protocol/result.ts'
import { signatureData } from '../protocol/signature.ts'
import type { SignatureOptions } from '../protocol/signature.ts'
import { IGNORED, REJECTED } from '../protocol/states.ts'
import type { AsyncResult } from '../result/async-result.ts'
import { EagerResult } from '../result/eager-result.ts'
import type { Result } from '../result/result.ts'
import { chordOf, isChord } from './chord.ts'
import type { Steps } from './deliver.ts'
import { isGroup } from './group.ts'
import type { Group } from './group.ts'
import { mergeOptions, NOTHING_GIVEN, without } from './merging.ts'
import type { Given } from './merging.ts'
import { dataOf, listOf } from './options.ts'
import type { SignatureLike } from './options.ts'
import { JOIN_HERE, Signature } from './signature.ts'
import type { AnySignature, Place } from './signature.ts'
import { visit } from './stamping.ts'
import type { StampHeaders, StampingVisitor } from './stamping.ts'
import type { TakenBy } from './types.ts'

/** Steps that are sent one after the other. Missing arguments are those of the first. */
export class Chain<
  A extends unknown[] = unknown[],
  R = unknown,
  Takes = TakenBy<A>,
  Res = AsyncResult<R>,
> extends Signature<A, R, Takes, Res> {
  /** The steps, first to last. */
  get tasks(): AnySignature[] {
    return this.data.kwargs['tasks'] as AnySignature[]
  }

  override get members(): AnySignature[] {
    return this.tasks
  }

  override get size(): number {
    for (const task of [...this.tasks].reverse()) if (task.size > 0) return task.size
    return 0
  }

  override clone(given?: Given): this {
    const copy = super.clone(given)
    copy.data.kwargs['tasks'] = this.tasks.map((task) => task.clone())
    return copy
  }

  /** Copies of its steps, with its callbacks at the last of them and its errbacks at each. */
  unchained(): AnySignature[] {
    const tasks = this.tasks.map((task) => task.clone())
    for (const callback of this.links('link')) tasks.at(-1)?.link(callback)
    for (const errback of this.links('link_error')) for (const task of tasks) task.linkError(errback)
    return tasks
  }

  protected override send(given: Given, signal: AbortSignal | undefined): Promise<Res> {
    return this.sendAll(given, signal)
  }

  override async runHere(given: Given): Promise<Res> {
    let args = [...given.args, ...this.data.args]
    let last: Result | undefined
    for (const task of this.tasks) {
      const one = { args, kwargs: last === undefined ? given.kwargs : {}, options: this.#over(given.options) }
      last = (await task.runHere(one)) as Result
      if (last instanceof EagerResult && STOPS.has(await last.state())) break
      if (task !== this.tasks.at(-1)) args = [await last.get(JOIN_HERE)]
    }
    if (last === undefined) throw emptyChain()
    return last as Res
  }

  override *steps(given: Given): Steps {
    const options = this.#over(given.options)
    const args = this.data.immutable ? this.data.args : [...given.args, ...this.data.args]
    const steps = this.#prepare(placeOf(options), {
      given: { args, kwargs: given.kwargs, options: {} },
      errbacks: listOf(options.link_error),
    })
    const [lastStep] = steps
    const first = steps.pop()
    if (first === undefined || lastStep === undefined) throw emptyChain()
    for (const callback of listOf(options.link)) lastStep.task.addLink('link', callback)
    const sent = yield* first.task.steps({
      ...NOTHING_GIVEN,
      options: { ...without(options, ...PLACED), ...this.#rest(steps, options) },
    })
    // Of a single step, what sending it says is the whole truth; a group may have become another one.
    return steps.length === 0 ? sent : lastStep.result
  }

  override settle(place: Place): ResultTuple {
    const [last] = this.#prepare(place, undefined)
    if (last === undefined) throw emptyChain()
    this.data.options.task_id = last.result[0][0]
    return last.result
  }

  override stampWith(visitor: StampingVisitor | undefined, append: boolean, headers: StampHeaders): void {
    const all = this.stampsOver(visit(visitor, 'onChainStart', this, headers), append, headers)
    this.stampLinks(visitor, false, all)
    for (const task of this.tasks) task.stampWith(visitor, append, all)
    visitor?.onChainEnd?.(this, all)
  }

  #over(options: SignatureOptions): SignatureOptions {
    return mergeOptions({}, { ...this.data.options, ...options })
  }

  /** What the first step carries. What is to come after this chain comes after its last step. */
  #rest(steps: readonly Prepared[], { chain }: SignatureOptions): SignatureOptions {
    if (this.#linked) return {}
    const after = chain === undefined ? [] : (chain as SignatureLike[])
    return { chain: [...after, ...steps.map(({ task }) => task)].map(dataOf) }
  }

  get #linked(): boolean {
    return this.host.canvasPolicy().chainsAsLinks
  }

  /** The steps with their results, the last one first. With `sending`, copies of the steps; else the steps themselves. */
  #prepare(place: Place, sending: Sending | undefined): Prepared[] {
    const { rootId } = place
    const open = [...this.tasks]
    const prepared: Prepared[] = []
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const isFirst = open.length === 0
      let task = isGroup(next) ? next.unrolled() : next
      if (isGroup(task) && task.length === 0 && (!isFirst || prepared.length > 0)) continue
      if (sending !== undefined) task = task.clone(isFirst ? sending.given : undefined)
      if (isChain(task)) {
        // Whatever comes first in it comes first in all.
        open.push(...task.tasks)
        continue
      }
      const right = prepared.at(-1)
      const header = isGroup(task) && right !== undefined ? task : undefined
      if (header !== undefined && right !== undefined) {
        prepared.pop()
        task = upgraded(header, right, rootId)
      }
      const isLast = prepared.length === 0 && header === undefined
      const result = task.settle(isLast ? place : { rootId })
      // A frozen chain keeps its group, whose tasks have their ids now.
      if (header !== undefined && isChord(task)) header.data.kwargs['tasks'] = task.tasks
      this.#follow(prepared.at(-1), task, result)
      for (const errback of sending?.errbacks ?? []) addErrback(task, errback)
      prepared.push({ task, result, first: isChord(task) ? firstOf(result) : result })
    }
    return prepared
  }

  /** `next` comes after `task`. */
  #follow(next: Prepared | undefined, task: AnySignature, result: ResultTuple): void {
    if (next === undefined) return
    next.first[0][1] = result
    if (this.#linked) task.link(next.task)
  }
}

/** A step that is ready. */
interface Prepared {
  readonly task: AnySignature
  readonly result: ResultTuple
  /** The result in it that follows what comes before: of a chord its header's. */
  readonly first: ResultTuple
}

interface Sending {
  readonly given: Given
  readonly errbacks: readonly SignatureLike[]
}

/** What says where a chain stands, or is for its last step; not for its first. */
const PLACED = ['task_id', 'group_id', 'group_index', 'chord', 'root_id', 'link', 'link_error', 'chain']
const STOPS: ReadonlySet<string> = new Set([IGNORED, REJECTED])

function placeOf({ task_id: taskId, ...options }: SignatureOptions): Place {
  const { group_id: groupId, group_index: groupIndex, chord, root_id: rootId } = options
  return { taskId, groupId, groupIndex, chord, rootId } as Place
}

/** The chord of a group and what comes after it. Where that starts with a task, the chord has its id. */
function upgraded(header: Group, { task: body, first }: Prepared, rootId: string | undefined): AnySignature {
  const chord = chordOf(header, body)
  const isGroup = first[1] !== null
  Object.assign(chord.data.options, isGroup ? {} : { task_id: first[0][0] }, { root_id: rootId ?? null })
  return chord
}

function firstOf(result: ResultTuple): ResultTuple {
  let first = result
  for (let parent = first[0][1]; parent !== null; parent = first[0][1]) first = parent
  return first
}

/** A chord tells its body's errbacks of a header that failed. */
function addErrback(task: AnySignature, errback: SignatureLike): void {
  task.linkError(errback)
  if (isChord(task)) task.body?.linkError(errback)
}

function emptyChain(): Error {
  return new ImproperlyConfigured('This chain has no steps: there is nothing to send')
}

/** Is it a chain? */
export function isChain(signature: unknown): signature is Chain {
  return signature instanceof Chain
}

/** A chain of these steps, as plain as it comes. */
export function chainOf(tasks: readonly AnySignature[], options: SignatureOptions = {}): Chain {
  const host = tasks.find((task) => task.findHost() !== undefined)?.findHost()
  const data = signatureData({ task: CHAIN_TASK, kwargs: { tasks: [...tasks] }, options, subtask_type: 'chain' })
  return new Chain(data, host)
}
