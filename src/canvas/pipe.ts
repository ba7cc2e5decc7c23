/** Pipe: Python's `left | right`, and the chain that is made of it. Celery's rules for what becomes of what. */
import { chainOf, isChain } from './chain.ts'
import type { Chain } from './chain.ts'
import { chordOf, isChord } from './chord.ts'
import type { Chord } from './chord.ts'
import { isGroup } from './group.ts'
import type { Group } from './group.ts'
import type { AnySignature, Signature } from './signature.ts'
import type { AnswerOf, First, Fitting, Last, MissingOf, OutcomeOf, TakesOf } from './types.ts'

/** `left | right`; both stay as they are. */
export function pipe(left: AnySignature, right: AnySignature): AnySignature {
  return append(left.clone(), right)
}

/**
 * Send `steps` one after the other, each with what the one before it answered. The same as to pipe them: a group before
 * another step becomes a chord with it.
 */
export function chain<const S extends readonly AnySignature[]>(
  ...steps: Fitting<S> & S
): Signature<MissingOf<First<S>>, AnswerOf<Last<S>>, TakesOf<First<S>>, OutcomeOf<Last<S>>>
export function chain<const S extends AnySignature>(
  steps: Iterable<S>,
): Signature<MissingOf<S>, AnswerOf<S>, TakesOf<S>, OutcomeOf<S>>
export function chain(...given: readonly unknown[]): unknown {
  const [only] = given
  if (given.length === 1 && isSignature(only)) return chainOf([only.clone()])
  const steps = (given.length === 1 ? [...(only as Iterable<AnySignature>)] : given) as readonly AnySignature[]
  // Each is copied once, so that a long chain costs no more than its length.
  const made: unknown = steps.reduce<AnySignature>((left, step) => append(left, step), chainOf([]))
  return made
}

/** `left | right`, where `left` is ours to change. */
function append(left: AnySignature, right: AnySignature): AnySignature {
  if (isChain(left)) return appendToChain(left, right)
  if (isGroup(left)) return isGroup(right) && right.length === 0 ? left : chordOf(left, right.clone())
  if (isChain(right)) return chainOf([left, ...right.unchained()])
  const next = isGroup(right) ? right.unrolled() : right
  if (isChord(left) && !(isGroup(right) && right.length !== 1)) return appendToBody(left, next)
  return chainOf([left, next.clone()])
}

function appendToChain(left: Chain, right: AnySignature): AnySignature {
  if (isChain(right)) {
    return right.unchained().reduce<AnySignature>((all, step) => append(all, step), left)
  }
  const next = isGroup(right) ? right.unrolled() : right
  if (isChain(next)) return appendToChain(left, next)
  const last = left.tasks.at(-1)
  if (isGroup(next)) return appendGroup(left, next)
  if (isGroup(last)) {
    left.tasks[left.tasks.length - 1] = chordOf(last, next.clone())
    return joinChords(left)
  }
  if (isChord(last) && !isChord(next)) {
    appendToBody(last, next)
    return left
  }
  return extended(left, next)
}

function appendGroup(left: Chain, group: Group): AnySignature {
  if (left.tasks.length === 0) return group.clone()
  const spread = chainOf(spreadLinks(left))
  const last = spread.tasks.at(-1)
  if (isChord(last)) appendToBody(last, group)
  else spread.tasks.push(group.clone())
  return spread
}

/** Two chords in a row: the second comes after the body of the first. */
function joinChords(chain: Chain): Chain {
  const [before, last] = chain.tasks.slice(-2)
  if (isChord(before) && isChord(last)) {
    appendToBody(before, last)
    chain.tasks.pop()
  }
  return chain
}

function appendToBody(chord: Chord, next: AnySignature): Chord {
  chord.setBody(chord.body === undefined ? next.clone() : append(chord.body, next))
  return chord
}

function extended(left: Chain, next: AnySignature): Chain {
  const spread = chainOf(spreadLinks(left))
  spread.tasks.push(next.clone())
  return spread
}

/** The steps of a chain that is ours, with its own links where they belong. */
function spreadLinks(chain: Chain): AnySignature[] {
  const { link, link_error: linkError } = chain.data.options
  return link === undefined && linkError === undefined ? chain.tasks : chain.unchained()
}

function isSignature(value: unknown): value is AnySignature {
  return typeof value === 'object' && value !== null && 'settle' in value
}
