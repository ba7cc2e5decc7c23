/** Parts of chords, brought as a worker does it. */
import type { ChordProgress, ChordStore, PartReturn } from '../../src/backend/backend.ts'
import type { ChordPart } from '../../src/protocol/result.ts'

/** A part and who brings it, its value not encoded yet. */
export type BroughtPart = Omit<PartReturn, 'body'> & ChordPart

/** Encode it, and count it. */
export async function bringPart(chords: ChordStore, { status, result, ...part }: BroughtPart): Promise<ChordProgress> {
  return chords.returnPart({ ...part, body: chords.encodePart({ taskId: part.taskId, status, result }) })
}
