/**
 * Chords in the file (`transport/sqlite/schema.ts`): what `ChordStore` promises, each verb one piece of a transaction that
 * all writes of a turn share. The parts of a turn are one piece, in which each chord is read once and written once.
 */
import type { SqlRow, SqlStatements } from '../../driver/sqlite.ts'
import type { Body } from '../../protocol/message.ts'
import type { ChordPart } from '../../protocol/result.ts'
import { escapeBody, unescapeBody } from '../../transport/sqlite/codec.ts'
import { asError } from '../../util/as-error.ts'
import { CHORD_CLAIM_MS, CLOSED_CHORD_MS } from '../backend.ts'
import type {
  BackendContext,
  ChordProgress,
  ChordStore,
  PartReturn,
  ReturnedHeader,
  ReturningPart,
} from '../backend.ts'
import { decodeHeader, encodePartDocument } from '../documents.ts'
import { readGroup } from './results.ts'

const DELETE = 'DELETE FROM celeriac_chord WHERE id = ?'
const DELETE_PARTS = 'DELETE FROM celeriac_chord_part WHERE chord = ?'
const READ = 'SELECT size, added, parts, claim, claimed_ms, closed, expires_ms FROM celeriac_chord WHERE id = ?'
const CREATE = 'INSERT INTO celeriac_chord (id, added, parts, closed) VALUES (?, 0, 0, 0)'
const SET_SIZE = 'UPDATE celeriac_chord SET size = ?, expires_ms = ?, closed = 0 WHERE id = ?'
const ADD = 'UPDATE celeriac_chord SET added = added + ?, expires_ms = ? WHERE id = ?'
const INSERT_PART =
  'INSERT OR IGNORE INTO celeriac_chord_part (chord, task, place, escaped, body) VALUES (?, ?, ?, ?, ?)'
const REPLACE_PART = 'UPDATE celeriac_chord_part SET place = ?, escaped = ?, body = ? WHERE chord = ? AND task = ?'
const COUNT = 'UPDATE celeriac_chord SET parts = ?, claim = ?, claimed_ms = ?, expires_ms = ? WHERE id = ?'
const READ_PARTS = 'SELECT escaped, body FROM celeriac_chord_part WHERE chord = ? ORDER BY place IS NULL, place, task'
const CLOSE = `UPDATE celeriac_chord SET expires_ms = ?, size = NULL, added = 0, parts = 0, claim = NULL, claimed_ms = NULL,
  closed = 1 WHERE id = ?`
/** The broker's marks (`transport/sqlite/messages.ts`): one of a chord whose body was sent, until it is closed. */
const DELETE_MARK = 'DELETE FROM celeriac_mark WHERE key = ?'
const MARK_PREFIX = 'chord '
const HAS_EXPIRED = 'SELECT 1 AS found FROM celeriac_chord WHERE expires_ms <= ? LIMIT 1'
const DELETE_EXPIRED_PARTS = `DELETE FROM celeriac_chord_part
  WHERE chord IN (SELECT id FROM celeriac_chord WHERE expires_ms <= ? AND parts > 0)`
const DELETE_EXPIRED = 'DELETE FROM celeriac_chord WHERE expires_ms <= ?'
const DELETE_EXPIRED_MARKS = `DELETE FROM celeriac_mark
  WHERE key IN (SELECT '${MARK_PREFIX}' || id FROM celeriac_chord WHERE expires_ms <= ? AND closed = 0)`

/** What the chords of a file need. */
export interface SqliteChordParts {
  readonly context: BackendContext
  /** Runs work in a transaction. Rejects with `BackendError`. */
  readonly write: (work: (statements: SqlStatements) => void) => Promise<void>
  /** Bodies are published into the same file, whose broker keeps marks (`CompleteChord.once`). */
  readonly isMarked: boolean
}

const COUNTED: ChordProgress = { kind: 'counted' }

/** The chords of one file. */
export class SqliteChordStore implements ChordStore {
  readonly #context: BackendContext
  readonly #write: SqliteChordParts['write']
  readonly #isMarked: boolean
  /** The parts of this turn; undefined where nothing waits. */
  #returning: ReturningPart[] | undefined
  #counting: Promise<void> = Promise.resolve()

  constructor({ context, write, isMarked }: SqliteChordParts) {
    this.#context = context
    this.#write = write
    this.#isMarked = isMarked
  }

  async setChordSize(groupId: string, size: number): Promise<void> {
    await this.#write((statements) => {
      openChord(statements, groupId, this.#context.clock.now())
      statements.run(SET_SIZE, size, expiryOf(this.#context), groupId)
      if (this.#isMarked) statements.run(DELETE_MARK, markOf(groupId))
    })
  }

  async addParts(groupId: string, count: number): Promise<void> {
    await this.#write((statements) => {
      openChord(statements, groupId, this.#context.clock.now())
      statements.run(ADD, count, expiryOf(this.#context), groupId)
    })
  }

  encodePart(part: ChordPart): Body {
    return encodePartDocument(this.#context.serializer, part)
  }

  returnPart(part: ReturningPart): Promise<void> {
    if (this.#returning !== undefined) {
      this.#returning.push(part)
    } else {
      this.#returning = [part]
      this.#counting = this.#count(this.#returning)
    }
    return this.#counting
  }

  async closeChords(groupIds: readonly string[]): Promise<void> {
    const { clock, resultExpiresMs = Infinity } = this.#context
    await this.#write((statements) => {
      const nowMs = clock.now()
      const expiresMs = Math.trunc(nowMs + Math.min(resultExpiresMs, CLOSED_CHORD_MS))
      for (const groupId of groupIds) {
        openChord(statements, groupId, nowMs)
        statements.run(DELETE_PARTS, groupId)
        statements.run(CLOSE, expiresMs, groupId)
        if (this.#isMarked) statements.run(DELETE_MARK, markOf(groupId))
      }
    })
  }

  /** Never rejects. Where it fails each is counted for itself: one part must not be the undoing of another. */
  async #count(parts: readonly ReturningPart[]): Promise<void> {
    try {
      await this.#write((statements) => {
        this.#closeBatch(parts)
        countParts(statements, parts, this.#context, this.#isMarked)
      })
    } catch (error) {
      this.#closeBatch(parts)
      if (parts.length > 1) await Promise.all(parts.map((part) => this.#count([part])))
      else for (const part of parts) part.progress = asError(error)
    }
  }

  /** What comes from now on is counted next time. */
  #closeBatch(parts: readonly ReturningPart[]): void {
    if (this.#returning === parts) this.#returning = undefined
  }
}

function markOf(groupId: string): string {
  return MARK_PREFIX + groupId
}

/** A row of the table. */
interface Chord {
  readonly id: string
  readonly closed: boolean
  /** How many parts there are to be; undefined until that was said. */
  readonly expected: number | undefined
  parts: number
  claim: string | null
  claimedMs: number
}

/** Note and count parts, in their order. */
function countParts(
  statements: SqlStatements,
  parts: readonly ReturningPart[],
  context: BackendContext,
  isMarked: boolean,
): void {
  const nowMs = context.clock.now()
  const chords = new Map<string, Chord>()
  for (const part of parts) {
    const { groupId } = part
    const chord = chords.get(groupId) ?? openChord(statements, groupId, nowMs)
    chords.set(groupId, chord)
    part.progress = chord.closed ? COUNTED : bring(statements, chord, part, context, isMarked)
  }
  const expiresMs = expiryOf(context)
  for (const { id, closed, parts, claim, claimedMs } of chords.values()) {
    if (!closed) statements.run(COUNT, parts, claim, claimedMs, expiresMs, id)
  }
}

function bring(
  statements: SqlStatements,
  chord: Chord,
  part: PartReturn,
  context: BackendContext,
  isMarked: boolean,
): ChordProgress {
  const nowMs = context.clock.now()
  note(statements, chord, part)
  if (chord.expected === undefined || chord.parts < chord.expected) return COUNTED
  if (chord.claimedMs > nowMs && chord.claim !== part.claim) {
    return { kind: 'claimed', againMs: chord.claimedMs - nowMs }
  }
  chord.claim = part.claim
  chord.claimedMs = nowMs + CHORD_CLAIM_MS
  const bodies = statements.all(READ_PARTS, chord.id).map((row) => unescapeBody(row['body'], row['escaped'] === 1))
  const saved = readGroup(statements, chord.id, nowMs)
  // Decoded outside of the transaction, which others wait for.
  const read = (): ReturnedHeader => decodeHeader(context.serializer, chord.id, bodies, saved)
  return { kind: 'complete', read, ...(isMarked ? { once: { key: markOf(chord.id), number: 1 } } : {}) }
}

function note(statements: SqlStatements, chord: Chord, { taskId, index, body: given }: PartReturn): void {
  const place = index ?? null
  const { body, escaped } = escapeBody(given)
  const mark = escaped ? 1 : 0
  const { changes } = statements.run(INSERT_PART, chord.id, taskId, place, mark, body)
  if (changes === 0) statements.run(REPLACE_PART, place, mark, body, chord.id, taskId)
  chord.parts += changes
}

/** The chord, made where it is new or has expired. */
function openChord(statements: SqlStatements, id: string, nowMs: number): Chord {
  const row = statements.get(READ, id)
  if (row !== undefined && !hasLapsed(row, nowMs)) return chordOf(id, row)
  if (row !== undefined) {
    statements.run(DELETE, id)
    statements.run(DELETE_PARTS, id)
  }
  statements.run(CREATE, id)
  return { id, closed: false, expected: undefined, parts: 0, claim: null, claimedMs: 0 }
}

function chordOf(id: string, { size, added, parts, claim, claimed_ms: claimedMs, closed }: SqlRow): Chord {
  return {
    id,
    closed: closed === 1,
    expected: typeof size === 'number' ? size + Number(added) : undefined,
    parts: Number(parts),
    claim: typeof claim === 'string' ? claim : null,
    claimedMs: Number(claimedMs ?? 0),
  }
}

function hasLapsed({ expires_ms: expiresMs }: SqlRow, nowMs: number): boolean {
  return typeof expiresMs === 'number' && expiresMs <= nowMs
}

function expiryOf({ clock, resultExpiresMs }: BackendContext): number | null {
  return resultExpiresMs === undefined ? null : clock.now() + resultExpiresMs
}

/** Is there a chord that has expired? */
export function hasExpiredChords(statements: SqlStatements, nowMs: number): boolean {
  return statements.get(HAS_EXPIRED, nowMs) !== undefined
}

/** Remove chords that have expired, with their parts. */
export function deleteExpiredChords(statements: SqlStatements, nowMs: number): void {
  statements.run(DELETE_EXPIRED_PARTS, nowMs)
  statements.run(DELETE_EXPIRED_MARKS, nowMs)
  statements.run(DELETE_EXPIRED, nowMs)
}
