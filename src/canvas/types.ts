/**
 * What the compiler knows of work-flows: which arguments are missing, what a step takes from the one before it, what comes
 * out. Types only.
 */

/** What types are read from: every signature has these, for the compiler only. */
export interface Typed<A extends unknown[] = never, R = unknown, Takes = never, Res = unknown> {
  /** The arguments that are missing. */
  readonly missing: A
  /** What it answers in the end. */
  readonly answer: R
  /** What the step before it may answer: never, where it can take nothing more. */
  readonly takes: (value: Takes) => void
  /** What sending it resolves with. */
  readonly outcome: Res
}

/** Any signature. */
export type AnyTyped = Typed<unknown[]> | Typed

/** What a signature that lacks `A` takes in front: one value, when that is all that it lacks. */
export type TakenBy<A extends unknown[]> = number extends A['length']
  ? A[number]
  : A extends [infer First]
    ? First
    : never

/** What a task with the parameters `A` still takes in front of the arguments `P`. */
export type TakenInFront<A extends unknown[], P extends unknown[]> = number extends A['length']
  ? A[number]
  : // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the value is: only the number of arguments counts here
    [any, ...P] extends A
    ? A[0]
    : never

/** A value that a step may hand on: of an untyped task nobody can tell, so it fits anywhere. */
export type HandedOn<R> = unknown extends R ? never : R

/** What one signature of a work-flow answers. */
export type AnswerOf<S> = S extends { readonly answer: infer R } ? R : never

/** What sending a signature resolves with. */
export type OutcomeOf<S> = S extends { readonly outcome: infer Res } ? Res : never

/** The arguments that a signature lacks. */
export type MissingOf<S> = S extends { readonly missing: infer A extends unknown[] } ? A : never

/** What a signature takes in front. */
export type TakesOf<S> = S extends { readonly takes: (value: infer Takes) => void } ? Takes : never

/** A group inside of another one or of a header: its tasks count as those of the outer one. */
interface Unrolled {
  readonly unrolled: unknown
}

type UnrolledAnswer<S> = S extends Unrolled ? Element<AnswerOf<S>> : AnswerOf<S>
type Element<R> = R extends readonly (infer One)[] ? One : never

/** The results of a group's members, in order. */
export type AnswersOf<S extends readonly unknown[]> = [Extract<S[number], Unrolled>] extends [never]
  ? { -readonly [K in keyof S]: AnswerOf<S[K]> }
  : UnrolledAnswer<S[number]>[]

type Both<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void ? I : never

/** Members that take anything, because they are immutable, lack nothing. */
type MissingOfMember<S> = S extends unknown ? (unknown extends TakesOf<S> ? never : MissingOf<S>) : never

/** What all members of a group lack alike: they are all given the same. */
export type MissingOfAll<S extends readonly unknown[]> = [MissingOfMember<S[number]>] extends [never]
  ? []
  : Extract<Both<MissingOfMember<S[number]>>, unknown[]>

type Taking<S> = S extends { readonly takes: infer F } ? F : never

/** What all members of a group take in front. */
export type TakenByAll<S extends readonly unknown[]> = [Taking<S[number]>] extends [(value: infer Takes) => void]
  ? Takes
  : never

/** `S`, where each step takes what the one before it answers. */
export type Fitting<S extends readonly unknown[]> = S extends readonly [infer First, infer Second, ...infer Rest]
  ? [First, ...FittingAfter<AnswerOf<First>, [Second, ...Rest]>]
  : S

type FittingAfter<R, S extends readonly unknown[]> = S extends readonly [infer Next, ...infer Rest]
  ? [FitsAfter<R, Next>, ...FittingAfter<AnswerOf<Next>, Rest>]
  : S

type IsAny<T> = 0 extends 1 & T ? true : false

/** `S` where it takes `R`, else what a step in its place would have to be. What has no types of its own fits. */
export type FitsAfter<R, S> =
  IsAny<MissingOf<S>> extends true ? S : [HandedOn<R>] extends [TakesOf<S>] ? S : StepTaking<R>

/** A step after one that answers `R`. */
export interface StepTaking<R> {
  readonly takes: (value: R) => void
}

/** The first and last of a list. */
export type First<S extends readonly unknown[]> = S extends readonly [infer One, ...unknown[]] ? One : S[number]
export type Last<S extends readonly unknown[]> = S extends readonly [...unknown[], infer One] ? One : S[number]
