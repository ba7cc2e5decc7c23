import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import {
  decodeGroupMeta,
  decodeResultTuple,
  decodeTaskMeta,
  encodeGroupMeta,
  encodeTaskMeta,
  groupTuple,
  isGroupMeta,
  isResultTuple,
  isTaskMeta,
  taskTuple,
} from '../../../src/protocol/result.ts'
import type { ResultTuple } from '../../../src/protocol/result.ts'

const NOW_MS = Date.UTC(2030, 0, 1, 12, 0, 0, 5)
const NOW = '2030-01-01T12:00:00.005000+00:00'

const tuples = fc.letrec<{ tuple: ResultTuple }>((tie) => ({
  tuple: fc.tuple(
    fc.tuple(fc.string(), fc.option(tie('tuple'), { maxDepth: 3 })),
    fc.option(fc.array(tie('tuple'), { maxLength: 3 }), { maxDepth: 3 }),
  ),
})).tuple

function deepTuple(levels: number): ResultTuple {
  let tuple = taskTuple('0')
  for (let level = 1; level <= levels; level += 1) {
    tuple = level % 2 === 0 ? taskTuple(String(level), tuple) : groupTuple(String(level), [tuple])
  }
  return tuple
}

describe('encodeTaskMeta', () => {
  it('writes what Celery writes, in its order', () => {
    expect(JSON.stringify(encodeTaskMeta({ taskId: 'id', status: 'SUCCESS', result: 4 }, NOW_MS))).toBe(
      `{"status":"SUCCESS","result":4,"traceback":null,"children":[],"date_done":"${NOW}","task_id":"id"}`,
    )
  })

  it('has all that resultExtended asks for, in Celery’s order', () => {
    const meta = encodeTaskMeta(
      {
        taskId: 'id',
        status: 'PROGRESS',
        result: undefined,
        traceback: 'tb',
        children: [taskTuple('child')],
        queue: 'celery',
        retries: 0,
        worker: 'w@h',
        kwargs: {},
        args: [1],
        name: 'proj.add',
        parentId: 'parent',
        groupId: 'group',
        stampedHeaders: ['trace', 'status'],
        stamps: { trace: 'abc', status: 'a stamp' },
      },
      NOW_MS,
    )
    expect(meta).toEqual({
      status: 'PROGRESS',
      result: null,
      traceback: 'tb',
      children: [[['child', null], null]],
      date_done: null,
      group_id: 'group',
      parent_id: 'parent',
      name: 'proj.add',
      args: [1],
      kwargs: {},
      worker: 'w@h',
      retries: 0,
      queue: 'celery',
      stamped_headers: ['trace', 'status'],
      trace: 'abc',
      task_id: 'id',
    })
    expect(Object.keys(meta).slice(0, 13)).toEqual(
      [
        'status',
        'result',
        'traceback',
        'children',
        'date_done',
        'group_id',
        'parent_id',
        'name',
        'args',
        'kwargs',
      ].concat(['worker', 'retries', 'queue']),
    )
  })

  it.each([
    ['SUCCESS', NOW],
    ['FAILURE', NOW],
    ['REVOKED', NOW],
    ['RETRY', null],
    ['STARTED', null],
    ['PROGRESS', null],
  ])('says of %s that it is done: %s', (status, done) => {
    expect(encodeTaskMeta({ taskId: 'id', status, result: null }, NOW_MS).date_done).toBe(done)
  })
})

describe('decodeTaskMeta', () => {
  it('hands a whole document on and completes others', () => {
    const meta = encodeTaskMeta({ taskId: 'id', status: 'SUCCESS', result: 1 }, NOW_MS)
    expect(decodeTaskMeta(meta)).toBe(meta)
    expect(decodeTaskMeta({ task_id: 'id', status: 'X', future: 1, date_done: new Date(NOW_MS) })).toEqual({
      ...{ task_id: 'id', status: 'X', result: null, traceback: null, children: null, date_done: NOW },
      future: 1,
    })
  })

  it.each([
    [null, 'It is None, not an object'],
    [[], 'It is []'],
    [{ status: 'X' }, '"task_id" is None'],
    [{ task_id: 'id' }, '"status" is None'],
    [{ task_id: 'id', status: 5 }, '"status" is 5'],
    [{ task_id: 'id', status: 'X', traceback: 5 }, '"traceback" is 5'],
    [{ task_id: 'id', status: 'X', date_done: 5 }, '"date_done" is 5'],
    [{ task_id: 'id', status: 'X', children: [['id', null]] }, '"children" are'],
    [{ task_id: 'id', status: 'X', children: {} }, '"children" are {}'],
  ])('refuses %j', (value, reason) => {
    expect(() => decodeTaskMeta(value)).toThrow(DecodeError)
    expect(() => decodeTaskMeta(value)).toThrow(reason)
  })

  it('reads back what encodeTaskMeta wrote', () => {
    const fields = fc.record(
      {
        taskId: fc.string(),
        status: fc.constantFrom('SUCCESS', 'FAILURE', 'RETRY', 'PROGRESS'),
        result: fc.jsonValue(),
        traceback: fc.string(),
        children: fc.array(tuples, { maxLength: 3 }),
        groupId: fc.string(),
        args: fc.jsonValue(),
        stamps: fc.dictionary(fc.string(), fc.jsonValue()),
      },
      { requiredKeys: ['taskId', 'status', 'result'] },
    )
    fc.assert(
      fc.property(fields, (sent) => {
        const text = JSON.stringify(encodeTaskMeta(sent, NOW_MS))
        const meta = decodeTaskMeta(JSON.parse(text))
        expect(JSON.stringify(meta)).toBe(text)
        expect(meta).toMatchObject({ task_id: sent.taskId, status: sent.status })
      }),
    )
  })

  it('answers a document or an error of ours for anything', () => {
    const field = fc.constantFrom('task_id', 'status', 'result', 'traceback', 'children', 'date_done', '__proto__')
    const near = fc.dictionary(field, fc.oneof(fc.string(), fc.jsonValue(), fc.date({ noInvalidDate: false })))
    fc.assert(
      fc.property(fc.oneof(near, fc.anything()), (value) => {
        try {
          expect(isTaskMeta(decodeTaskMeta(value))).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})

describe('result trees', () => {
  it('have Python’s form', () => {
    expect(taskTuple('a', taskTuple('b'))).toEqual([['a', [['b', null], null]], null])
    expect(groupTuple('g', [taskTuple('a')])).toEqual([['g', null], [[['a', null], null]]])
  })

  it('are read however deep they are', () => {
    const deep = deepTuple(100_000)
    expect(decodeResultTuple(deep)).toBe(deep)
    expect(decodeTaskMeta({ task_id: 'id', status: 'X', children: [deep] }).children).toHaveLength(1)
    fc.assert(
      fc.property(tuples, (tuple) => {
        expect(isResultTuple(tuple)).toBe(true)
      }),
    )
  })

  it.each([
    [null],
    ['id'],
    [[]],
    [['id', null]],
    [[['id', null]]],
    [[['id'], null]],
    [[[1, null], null]],
    [[['id', null], null, 1]],
    [[['id', 'p'], null]],
    [[['id', null], ['x']]],
  ])('are not %j', (value) => {
    expect(isResultTuple(value)).toBe(false)
    expect(() => decodeResultTuple(value)).toThrow(DecodeError)
  })
})

describe('group documents', () => {
  it('are written and read', () => {
    const meta = encodeGroupMeta(groupTuple('g', [taskTuple('a')]))
    expect(JSON.stringify(meta)).toBe('{"result":[["g",null],[[["a",null],null]]]}')
    expect(decodeGroupMeta(meta)).toBe(meta)
    expect(isGroupMeta({ result: [] })).toBe(false)
  })

  it('are nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.record({ result: fc.anything() })), (value) => {
        expect(() => decodeGroupMeta(value)).toThrow(DecodeError)
      }),
    )
  })
})
