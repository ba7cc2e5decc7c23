import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EncodeError } from '../../../../src/errors.ts'
import { decodeMessage, encodeMessage, escapeBody, unescapeBody } from '../../../../src/transport/sqlite/codec.ts'
import { message, openWithTables } from '../../../support/sqlite.ts'

describe('messages in rows', () => {
  it('come back whole, whatever they hold', async () => {
    const database = await openWithTables()
    const body = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('\0', 'a', '\ud800', '\udc00', 'é', '"', '\\') }),
      fc.uint8Array(),
    )
    const record = fc.dictionary(fc.string(), fc.jsonValue())
    const messages = fc.record({
      body,
      contentType: fc.string(),
      contentEncoding: fc.string(),
      headers: record,
      properties: record,
    })
    await fc.assert(
      fc.asyncProperty(messages, fc.string(), fc.string(), async (given, exchange, routingKey) => {
        const row = encodeMessage(given, exchange, routingKey)
        await database.write((statements) => {
          statements.run(
            'INSERT OR REPLACE INTO celeriac_message (id, meta, body) VALUES (1, ?, ?)',
            row.meta,
            row.body,
          )
        })
        const read = database.read((statements) => statements.get('SELECT meta, body FROM celeriac_message'))
        const decoded = decodeMessage(String(read?.['meta']), read?.['body'] ?? null)
        const plain = JSON.parse(JSON.stringify({ headers: given.headers, properties: given.properties }))
        expect(decoded).toEqual({ exchange, routingKey, message: { ...given, ...plain } })
      }),
      { numRuns: 150 },
    )
    await database.release()
  })

  it('keep text text and bytes bytes', () => {
    expect(escapeBody('plain')).toEqual({ body: 'plain', escaped: false })
    expect(escapeBody('with \0 zero')).toEqual({ body: '"with \\u0000 zero"', escaped: true })
    const bytes = new Uint8Array([0, 255])
    expect(escapeBody(bytes)).toEqual({ body: bytes, escaped: false })
    expect(unescapeBody('"a\\u0000b"', true)).toBe('a\0b')
    expect(unescapeBody('"a"', false)).toBe('"a"')
  })

  it('are messages still when their row was spoilt', () => {
    expect(decodeMessage('["text/plain","utf-', 'body')).toMatchObject({
      message: { body: 'body', contentType: 'application/octet-stream', headers: {}, properties: {} },
    })
  })

  it('are refused where their headers have no form', () => {
    expect(() => encodeMessage(message('x', { headers: { big: 1n } }), '', 'queue-a')).toThrow(EncodeError)
    expect(() => encodeMessage(message('x', { headers: { big: 1n } }), '', 'queue-a')).toThrow('"queue-a"')
  })
})
