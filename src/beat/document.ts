/** Entries of run time as JSON and back, for stores. What RedBeat has of it is written as RedBeat writes it. */
import { defineEntry } from '../app/entry.ts'
import type { CatchUp, EntryDefinition } from '../app/entry.ts'
import { fromWireOptions, toWireOptions } from '../canvas/options.ts'
import { DecodeError } from '../errors.ts'
import { decodeSchedule, encodeSchedule } from '../schedule/document.ts'
import { decodeJson, encodeJson } from '../serialization/json.ts'
import { asError } from '../util/as-error.ts'
import { isRecord } from '../util/record.ts'
import type { StoredEntry } from './entry.ts'

interface EntryDocument {
  readonly name: string
  readonly task: string
  readonly schedule: unknown
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: Readonly<Record<string, unknown>>
  readonly catch_up: CatchUp
  readonly jitter: number
}

/** An entry as text. Throws `EncodeError` for arguments without a form in JSON, and for a schedule of a user's own class. */
export function encodeEntry(definition: EntryDefinition): string {
  const { name, task, schedule, args, kwargs, options, catchUp, jitter } = definition
  const document: EntryDocument = {
    name,
    task,
    schedule: encodeSchedule(schedule),
    args,
    kwargs,
    options: toWireOptions(options),
    catch_up: catchUp,
    jitter,
  }
  return encodeJson(document)
}

/** The entry again. Throws `DecodeError` for what is none. */
export function decodeEntry(text: string): EntryDefinition {
  const document = decodeJson(text)
  if (!isRecord(document)) throw new DecodeError(`A stored entry of beat is no record: ${text.slice(0, 100)}`)
  const { name, catch_up, options, schedule, ...rest } = document as unknown as EntryDocument
  try {
    const input = { ...rest, catchUp: catch_up, schedule: decodeSchedule(schedule), options: fromWireOptions(options) }
    return defineEntry(name, input, 'runtime')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DecodeError(`The stored entry "${name}" of beat cannot be read: ${reason}`, { cause })
  }
}

/** What a store has of a definition. One that cannot be read, such as a newer celeriac's, is kept and not sent. */
export function decodeStored(text: string | undefined): Pick<StoredEntry, 'definition' | 'unreadable'> {
  if (text === undefined) return { definition: undefined }
  try {
    return { definition: decodeEntry(text) }
  } catch (error) {
    return { definition: undefined, unreadable: asError(error) }
  }
}
