import { describe, expect, it } from 'vitest'
import { applyFields, fieldTable } from '../../../src/events/fields.ts'

const TABLE = fieldTable(
  { name: {}, routing_key: { property: 'routingKey' }, retries: { kind: 'number' }, loadavg: { kind: 'numbers' } },
  ['type'],
)

function apply(event: Readonly<Record<string, unknown>>, only?: ReadonlySet<string>): Record<string, unknown> {
  const record = { extra: undefined, name: 'before' }
  applyFields(record, event, TABLE, only)
  return record
}

describe('applyFields', () => {
  it('writes known fields under their properties, others apart, and some not at all', () => {
    expect(apply({ type: 'task-x', name: 'a', routing_key: 'k', retries: 1, loadavg: [1, 2], mine: { x: 1 } })).toEqual(
      { name: 'a', routingKey: 'k', retries: 1, loadavg: [1, 2], extra: { mine: { x: 1 } } },
    )
  })

  it('takes null for nothing', () => {
    expect(apply({ name: null, retries: null })).toEqual({ name: undefined, retries: undefined, extra: undefined })
  })

  it('mends text, and leaves out other values of the wrong kind', () => {
    expect(apply({ name: ['x'], retries: '1', loadavg: ['x'] })).toEqual({ name: "['x']", extra: undefined })
  })

  it('writes only what it may', () => {
    expect(apply({ name: 'a', retries: 1, mine: 1 }, new Set(['retries']))).toEqual({
      name: 'before',
      retries: 1,
      extra: undefined,
    })
  })

  it('keeps a field that is called __proto__ as a field', () => {
    const record = apply(JSON.parse('{ "__proto__": { "polluted": true } }'))
    expect(Object.keys(record['extra'] as object)).toEqual(['__proto__'])
    expect('polluted' in (record['extra'] as object)).toBe(false)
  })
})
