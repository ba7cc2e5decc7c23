/** Chords of `memory://`: what `ChordStore` promises, in maps of this process. */
import type { Body } from '../../protocol/message.ts'
import type { ChordPart } from '../../protocol/result.ts'
import { CHORD_CLAIM_MS, CLOSED_CHORD_MS } from '../backend.ts'
import type { BackendContext, ChordProgress, ChordStore, PartReturn, ReturningPart } from '../backend.ts'
import { decodeHeader, encodePartDocument } from '../documents.ts'

interface Part {
  readonly index: number
  readonly body: Body
}

/** A chord whose body was not sent yet. */
interface OpenChord {
  /** Undefined until it was said. */
  size: number | undefined
  added: number
  /** By task. */
  readonly parts: Map<string, Part>
  claim: { readonly by: string; readonly untilMs: number } | undefined
  /** Unix time in milliseconds. */
  expiresMs: number
}

/** The chords of one registry. */
export class MemoryChords {
  /** In the order in which something happened to them, and so of their expiry. */
  readonly open: Map<string, OpenChord> = new Map<string, OpenChord>()
  /** Closed ones, by when they are forgotten. */
  readonly closed: Map<string, number> = new Map<string, number>()

  /** Forget what has expired. */
  expire(nowMs: number): void {
    for (const [id, { expiresMs }] of this.open) {
      if (expiresMs > nowMs) break
      this.open.delete(id)
    }
    for (const [id, expiresMs] of this.closed) {
      if (expiresMs > nowMs) break
      this.closed.delete(id)
    }
  }
}

/** The chords of one registry, with the serializer and the time to live of one backend. */
export class MemoryChordStore implements ChordStore {
  readonly #chords: MemoryChords
  readonly #context: BackendContext
  readonly #savedGroup: (groupId: string) => Body | undefined

  /** `savedGroup` answers the document of a group. */
  constructor(chords: MemoryChords, context: BackendContext, savedGroup: (groupId: string) => Body | undefined) {
    this.#chords = chords
    this.#context = context
    this.#savedGroup = savedGroup
  }

  async setChordSize(groupId: string, size: number): Promise<void> {
    this.#chords.closed.delete(groupId)
    this.#touch(groupId).size = size
  }

  async addParts(groupId: string, count: number): Promise<void> {
    this.#touch(groupId).added += count
  }

  encodePart(part: ChordPart): Body {
    return encodePartDocument(this.#context.serializer, part)
  }

  async returnPart(part: ReturningPart): Promise<void> {
    part.progress = this.#count(part)
  }

  #count({ groupId, index = Infinity, taskId, body, claim }: PartReturn): ChordProgress {
    const nowMs = this.#context.clock.now()
    this.#chords.expire(nowMs)
    if (this.#chords.closed.has(groupId)) return { kind: 'counted' }
    const chord = this.#touch(groupId)
    chord.parts.set(taskId, { index, body })
    if (chord.size === undefined || chord.parts.size < chord.size + chord.added) return { kind: 'counted' }
    if (chord.claim !== undefined && chord.claim.by !== claim && chord.claim.untilMs > nowMs) {
      return { kind: 'claimed', againMs: chord.claim.untilMs - nowMs }
    }
    chord.claim = { by: claim, untilMs: nowMs + CHORD_CLAIM_MS }
    const ordered = [...chord.parts.values()].sort((a, b) => (a.index === b.index ? 0 : a.index - b.index))
    const bodies = ordered.map((one) => one.body)
    const saved = this.#savedGroup(groupId)
    return { kind: 'complete', read: () => decodeHeader(this.#context.serializer, groupId, bodies, saved) }
  }

  async closeChords(groupIds: readonly string[]): Promise<void> {
    const { clock, resultExpiresMs = Infinity } = this.#context
    for (const groupId of groupIds) {
      this.#chords.open.delete(groupId)
      this.#chords.closed.delete(groupId)
      this.#chords.closed.set(groupId, clock.now() + Math.min(resultExpiresMs, CLOSED_CHORD_MS))
    }
  }

  /** The chord, made where it is new; it lives as long as results do from now on. */
  #touch(groupId: string): OpenChord {
    const { clock, resultExpiresMs = Infinity } = this.#context
    const expiresMs = clock.now() + resultExpiresMs
    const known = this.#chords.open.get(groupId)
    const chord = known ?? { size: undefined, added: 0, parts: new Map(), claim: undefined, expiresMs }
    chord.expiresMs = expiresMs
    this.#chords.open.delete(groupId)
    this.#chords.open.set(groupId, chord)
    return chord
  }
}
