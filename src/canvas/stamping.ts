/**
 * Stamps: fields of a user's own that travel with tasks as headers, to find and revoke them by. How stamps of several
 * sources become those of one signature; which signatures there are is their own matter.
 */
import type { SignatureOptions } from '../protocol/signature.ts'
import { isRecord } from '../util/record.ts'
import type { SignatureObject } from './options.ts'

/** Stamps by name. `stampedHeaders` says which of the fields are stamps; by default all are. */
export interface Stamps {
  readonly stampedHeaders?: readonly string[]
  readonly [name: string]: unknown
}

/** How stamps are put on. */
export interface StampOptions {
  /** Keep all values of a stamp that there is already, as a list. Default false: the new one wins. */
  readonly appendStamps?: boolean
  /** With a visitor: stamps for all. */
  readonly stamps?: Stamps
}

/** The signature that is visited. */
export type Visited = SignatureObject & { readonly task: string; readonly id: string | undefined }

/** Says what each part of a work-flow is stamped with, in the order in which Celery visits them. */
export interface StampingVisitor {
  /** Each task. `headers` are the stamps that it gets anyway. */
  onSignature(signature: Visited, headers: StampHeaders): Stamps | undefined
  onGroupStart?(group: Visited, headers: StampHeaders): Stamps | undefined
  onGroupEnd?(group: Visited, headers: StampHeaders): void
  onChainStart?(chain: Visited, headers: StampHeaders): Stamps | undefined
  onChainEnd?(chain: Visited, headers: StampHeaders): void
  /** Default: what `onGroupStart` says of the header. */
  onChordHeaderStart?(chord: Visited, headers: StampHeaders): Stamps | undefined
  /** Default: `onGroupEnd`. */
  onChordHeaderEnd?(chord: Visited, headers: StampHeaders): void
  onChordBody?(chord: Visited, headers: StampHeaders): Stamps | undefined
  onCallback?(callback: Visited, headers: StampHeaders): Stamps | undefined
  onErrback?(errback: Visited, headers: StampHeaders): Stamps | undefined
}

/** Stamps as they lie among the options of a signature. */
export type StampHeaders = Readonly<Record<string, unknown>>

const LIST = 'stamped_headers'

/** What `Signature.stamp` was given. */
export function stampFields(
  stamps: Stamps | StampingVisitor,
  options: StampOptions,
): { readonly visitor: StampingVisitor | undefined; readonly headers: StampHeaders } {
  if (isVisitor(stamps)) return { visitor: stamps, headers: wireOf(options.stamps ?? {}) }
  return { visitor: undefined, headers: wireOf({ ...options.stamps, ...stamps }) }
}

/** What a visitor says of one signature; undefined where it says nothing. */
export function visit(
  visitor: StampingVisitor | undefined,
  verb: Exclude<keyof StampingVisitor, `${string}End`>,
  signature: Visited,
  headers: StampHeaders,
): StampHeaders | undefined {
  if (visitor === undefined) return undefined
  const said = visitor[verb]?.(signature, headers) ?? {}
  return withList(wireOf(said))
}

/** Both, and the names of both. A stamp that `stamps` has stays (Celery's rule); with `append` all its values are kept. */
export function mergeStamps(stamps: StampHeaders, over: StampHeaders | undefined, append: boolean): StampHeaders {
  const merged = withList(stamps)
  if (over !== undefined) mergeInto(merged, over, append)
  merged[LIST] = [...new Set(merged[LIST] as string[])]
  return merged
}

/** The stamps among the options of a signature that is stamped with `stamps`. */
export function ownStamps(options: SignatureOptions, stamps: StampHeaders): StampHeaders {
  const own = namesOf(options)
  const names = new Set([...namesOf(stamps), ...own])
  const fields = Object.entries(options).filter(([name]) => names.has(name))
  return { ...Object.fromEntries(fields), [LIST]: own }
}

function isVisitor(stamps: Stamps | StampingVisitor): stamps is StampingVisitor {
  return typeof stamps.onSignature === 'function'
}

function wireOf(stamps: Stamps): StampHeaders {
  const { stampedHeaders, ...rest } = stamps
  return stampedHeaders === undefined ? rest : { ...rest, [LIST]: stampedHeaders }
}

function namesOf(fields: StampHeaders): string[] {
  const names = fields[LIST]
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : []
}

function withList(fields: StampHeaders): Record<string, unknown> {
  return { ...fields, [LIST]: LIST in fields ? namesOf(fields) : Object.keys(fields) }
}

/** Celery's `_merge_dictionaries`: what `into` has stays; lists grow, records are merged, and with `append` values add up. */
function mergeInto(into: Record<string, unknown>, from: StampHeaders, append: boolean): void {
  for (const [name, value] of Object.entries(from)) {
    const known = into[name]
    if (!(name in into)) into[name] = value
    else if (isRecord(known) && isRecord(value)) into[name] = mergedRecord(known, value)
    else if (Array.isArray(known) && Array.isArray(value))
      into[name] = [...(known as unknown[]), ...(value as unknown[])]
    else if (append) into[name] = [...listed(known), ...listed(value)]
  }
}

function mergedRecord(known: Record<string, unknown>, value: StampHeaders): Record<string, unknown> {
  const merged = { ...known }
  mergeInto(merged, value, true)
  return merged
}

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : value === null ? [] : [value]
}
