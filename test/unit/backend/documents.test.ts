import { describe, expect, it } from 'vitest'
import {
  decodeGroupDocument,
  decodeHeader,
  decodeTaskDocument,
  encodeGroupDocument,
  encodePartDocument,
  encodeTaskDocument,
} from '../../../src/backend/documents.ts'
import { BackendError, BackendGetMetaError, EncodeError } from '../../../src/errors.ts'
import { encodeTaskMeta } from '../../../src/protocol/result.ts'
import type { GroupMeta } from '../../../src/protocol/result.ts'
import { json } from '../../../src/serialization/json.ts'

const meta = encodeTaskMeta({ taskId: 't1', status: 'SUCCESS', result: { x: 1 } }, 0)

describe('documents of tasks', () => {
  it('come back as they were', () => {
    const encoded = encodeTaskDocument(json, meta)
    expect(encoded).toMatchObject({ taskId: 't1', status: 'SUCCESS' })
    expect(decodeTaskDocument(json, 't1', encoded.body)).toEqual(meta)
  })

  it('that have no form are an EncodeError', () => {
    expect(() => encodeTaskDocument(json, { ...meta, result: Symbol('x') })).toThrow(EncodeError)
  })

  it.each(['{', '[]', '{"status": 5}'])('that cannot be read name their task: %s', (body) => {
    expect(() => decodeTaskDocument(json, 't1', body)).toThrow(BackendGetMetaError)
    expect(() => decodeTaskDocument(json, 't1', body)).toThrow(/The result of task t1 cannot be read: /)
  })
})

describe('documents of groups', () => {
  it('come back as they were', () => {
    const group: GroupMeta = { result: [['g1', null], [[['t1', null], null]]] }
    expect(decodeGroupDocument(json, 'g1', encodeGroupDocument(json, group))).toEqual(group)
  })

  it('that cannot be read name their group', () => {
    expect(() => decodeGroupDocument(json, 'g1', '{}')).toThrow(BackendError)
    expect(() => decodeGroupDocument(json, 'g1', '{}')).toThrow(/The saved group g1 cannot be read: /)
  })
})

describe('parts of chords', () => {
  it('are lists that Celery reads', () => {
    const part = { taskId: 't1', status: 'SUCCESS', result: [1] }
    const body = encodePartDocument(json, part)
    expect(JSON.parse(String(body))).toEqual([1, 't1', 'SUCCESS', [1]])
    const newer = '[1, "t2", "FAILURE", null, "of a newer one"]'
    expect(decodeHeader(json, 'g1', [body, newer], undefined)).toEqual({
      parts: [part, { taskId: 't2', status: 'FAILURE', result: null }],
      saved: undefined,
    })
  })

  it('come with what was saved of the header', () => {
    const group: GroupMeta = { result: [['g1', null], []] }
    expect(decodeHeader(json, 'g1', [], encodeGroupDocument(json, group))).toEqual({ parts: [], saved: group })
  })

  it.each(['{', '{}', '[1, 2, "SUCCESS", 3]', '[1, "t1"]'])('that cannot be read name their chord: %s', (body) => {
    expect(() => decodeHeader(json, 'g1', [body], undefined)).toThrow(BackendError)
    expect(() => decodeHeader(json, 'g1', [body], undefined)).toThrow(/A part of the chord g1 cannot be read: /)
  })
})
