/** Parts of chords, brought as a worker does it. */
import type { ChordProgress, ChordStore, PartReturn, ReturningPart } from '../../src/backend/backend.ts'
import type { ChordPart } from '../../src/protocol/result.ts'

/** A part and who brings it, its value not encoded yet. */
export type BroughtPart = Omit<PartReturn, 'body'> & ChordPart

/** Encode it, and count it. Rejects where it could not be counted. */
export async function bringPart(chords: ChordStore, { status, result, ...part }: BroughtPart): Promise<ChordProgress> {
  const body = chords.encodePart({ taskId: part.taskId, status, result })
  const returned: ReturningPart = { ...part, body, progress: undefined }
  await chords.returnPart(returned)
  if (returned.progress === undefined || returned.progress instanceof Error)
    throw returned.progress ?? new Error('lost')
  return returned.progress
}
