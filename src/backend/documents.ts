/** Result documents to and from the encoded bodies that backends keep; errors of either way get their names here. */
import { BackendError, BackendGetMetaError } from '../errors.ts'
import type { Body } from '../protocol/message.ts'
import { decodeChordPart, decodeGroupMeta, decodeTaskMeta, encodeChordPart } from '../protocol/result.ts'
import type { ChordPart, GroupMeta, TaskMeta } from '../protocol/result.ts'
import type { Serializer } from '../serialization/serializer.ts'
import type { EncodedResult, ReturnedHeader } from './backend.ts'

/** Throws `EncodeError` for a value that has no form in the serializer. */
export function encodeTaskDocument(serializer: Serializer, meta: TaskMeta): EncodedResult {
  return { taskId: meta.task_id, status: meta.status, body: serializer.encode(meta) }
}

/** Throws `BackendGetMetaError` where the body is no document of a task. */
export function decodeTaskDocument(serializer: Serializer, taskId: string, body: Body): TaskMeta {
  try {
    return decodeTaskMeta(serializer.decode(body))
  } catch (cause) {
    throw new BackendGetMetaError(`The result of task ${taskId} cannot be read: ${reasonOf(cause)}`, taskId, { cause })
  }
}

/** Throws `EncodeError` for a value that has no form in the serializer. */
export function encodeGroupDocument(serializer: Serializer, meta: GroupMeta): Body {
  return serializer.encode(meta)
}

/** Throws `BackendError` where the body is no document of a group. */
export function decodeGroupDocument(serializer: Serializer, groupId: string, body: Body): GroupMeta {
  try {
    return decodeGroupMeta(serializer.decode(body))
  } catch (cause) {
    throw new BackendError(`The saved group ${groupId} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

/** Throws `EncodeError` for a value that has no form in the serializer. */
export function encodePartDocument(serializer: Serializer, part: ChordPart): Body {
  return serializer.encode(encodeChordPart(part))
}

function decodePartDocument(serializer: Serializer, groupId: string, body: Body): ChordPart {
  try {
    return decodeChordPart(serializer.decode(body))
  } catch (cause) {
    throw new BackendError(`A part of the chord ${groupId} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

/** Throws `BackendError` where one of the bodies is no part, or `saved` no document of a group. */
export function decodeHeader(
  serializer: Serializer,
  groupId: string,
  parts: readonly Body[],
  saved: Body | undefined,
): ReturnedHeader {
  return {
    parts: parts.map((body) => decodePartDocument(serializer, groupId, body)),
    saved: saved === undefined ? undefined : decodeGroupDocument(serializer, groupId, saved),
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
