import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CeleryError, DecodeError, EncodeError } from '../../../src/errors.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../src/protocol/envelope.ts'
import type { Message } from '../../../src/protocol/message.ts'

const delivery = { exchange: '', routingKey: 'celery', deliveryTag: 'tag-1' }

function message(fields: Partial<Message> = {}): Message {
  const body = '[[2, 2], {}, null]'
  return { body, contentType: 'application/json', contentEncoding: 'utf-8', headers: {}, properties: {}, ...fields }
}

function recorded(fields: Record<string, unknown> = {}, properties: Record<string, unknown> = {}): string {
  return JSON.stringify({
    body: Buffer.from('"é"').toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: { id: 'x' },
    properties: {
      correlation_id: 'x',
      delivery_mode: 2,
      delivery_info: { exchange: 'ex', routing_key: 'rk' },
      priority: 3,
      body_encoding: 'base64',
      delivery_tag: 't',
      ...properties,
    },
    ...fields,
  })
}

describe('encodeEnvelope', () => {
  it('writes what kombu writes, in its order', () => {
    const properties = { correlation_id: 'x', reply_to: '', delivery_mode: 2 }
    const text = encodeEnvelope(message({ headers: { id: 'x' }, properties }), delivery)
    expect(text).toBe(
      '{"body":"W1syLCAyXSwge30sIG51bGxd","content-encoding":"utf-8","content-type":"application/json",' +
        '"headers":{"id":"x"},"properties":{"correlation_id":"x","reply_to":"","delivery_mode":2,' +
        '"delivery_info":{"exchange":"","routing_key":"celery"},"priority":0,"body_encoding":"base64",' +
        '"delivery_tag":"tag-1"}}',
    )
  })

  it('keeps a priority, and leaves the message as it is', () => {
    const sent = message({ properties: { priority: 9 } })
    expect(decodeEnvelope(encodeEnvelope(sent, delivery)).message.properties.priority).toBe(9)
    expect(sent.properties).toEqual({ priority: 9 })
  })

  it('leaves text as it is when asked to, but never bytes', () => {
    const raw = { ...delivery, bodyEncoding: 'utf-8' } as const
    expect(JSON.parse(encodeEnvelope(message({ body: '"é"' }), raw))).toMatchObject({
      body: '"é"',
      properties: { body_encoding: 'utf-8' },
    })
    expect(JSON.parse(encodeEnvelope(message({ body: Buffer.from([1]) }), raw))).toMatchObject({
      body: 'AQ==',
      properties: { body_encoding: 'base64' },
    })
  })

  it('refuses headers that JSON cannot hold', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    let deep: unknown[] = []
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    for (const headers of [{ big: 1n }, cycle, { deep }]) {
      expect(() => encodeEnvelope(message({ headers }), delivery)).toThrow(EncodeError)
    }
  })
})

describe('decodeEnvelope', () => {
  it('separates the message from its delivery', () => {
    expect(decodeEnvelope(recorded())).toEqual({
      message: {
        body: '"é"',
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        headers: { id: 'x' },
        properties: { correlation_id: 'x', delivery_mode: 2, priority: 3 },
      },
      deliveryTag: 't',
      exchange: 'ex',
      routingKey: 'rk',
      redelivered: false,
    })
  })

  it('sees a redelivery in either place', () => {
    const info = { exchange: '', routing_key: '', redelivered: true }
    expect(decodeEnvelope(recorded({}, { delivery_info: info })).redelivered).toBe(true)
    expect(decodeEnvelope(recorded({ headers: { redelivered: true } })).redelivered).toBe(true)
  })

  it('gives bytes where the content is no text, is compressed, or is no UTF-8', () => {
    const bytes = Buffer.from('"é"')
    expect(decodeEnvelope(recorded({ 'content-encoding': 'binary' })).message.body).toEqual(bytes)
    expect(decodeEnvelope(recorded({ headers: { compression: 'application/x-gzip' } })).message.body).toEqual(bytes)
    expect(decodeEnvelope(recorded({ body: '/w==' })).message.body).toEqual(Buffer.from([0xff]))
  })

  it('reads a raw body', () => {
    for (const encoding of ['utf-8', null]) {
      expect(decodeEnvelope(recorded({ body: '"é"' }, { body_encoding: encoding })).message.body).toBe('"é"')
    }
  })

  it('keeps unknown properties', () => {
    expect(decodeEnvelope(recorded({}, { app_id: 'a' })).message.properties).toMatchObject({ app_id: 'a' })
  })

  it('reads headers that only Python takes for JSON', () => {
    const text = recorded({ headers: { score: 'X' } }).replace('"X"', 'NaN')
    expect(decodeEnvelope(text).message).toMatchObject({ headers: { score: NaN }, body: '"é"' })
  })

  it.each([
    ['', 'not JSON'],
    ['{', 'not JSON'],
    ['[]', 'no JSON object'],
    ['null', 'no JSON object'],
    ['{}', 'no "body" text'],
    ['{"body": 1, "properties": {}}', 'no "body" text'],
    ['{"body": ""}', 'no "properties" object'],
    ['{"body": "", "properties": []}', 'no "properties" object'],
    ['{"body": "", "properties": {}, "headers": 1}', '"headers"'],
  ])('refuses %s', (text, reason) => {
    expect(() => decodeEnvelope(text)).toThrow(DecodeError)
    expect(() => decodeEnvelope(text)).toThrow(reason)
  })

  it('reads back what was written', () => {
    const headers = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.parse(JSON.stringify(value)))
    const properties = fc.record({ correlation_id: fc.string(), priority: fc.nat(9), app_id: fc.jsonValue() })
    fc.assert(
      fc.property(fc.string(), headers, properties, fc.string(), (body, head, props, routingKey) => {
        const sent = message({ body, headers: head, properties: JSON.parse(JSON.stringify(props)) })
        const envelope = decodeEnvelope(encodeEnvelope(sent, { ...delivery, routingKey }))
        expect(envelope.message).toEqual({ ...sent, body: Buffer.from(body).toString('utf8') })
        expect(envelope.routingKey).toBe(routingKey)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        const sent = message({ body, contentEncoding: 'binary' })
        expect(decodeEnvelope(encodeEnvelope(sent, delivery)).message.body).toEqual(Buffer.from(body))
      }),
    )
  })

  it('answers an envelope or an error of ours for anything', () => {
    const envelopes = fc.record(
      {
        body: fc.jsonValue(),
        headers: fc.jsonValue(),
        'content-encoding': fc.jsonValue(),
        properties: fc.dictionary(
          fc.constantFrom('delivery_info', 'body_encoding', 'delivery_tag', '__proto__'),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    )
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      envelopes.map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(texts, (text) => {
        try {
          expect(decodeEnvelope(text).message.headers).toBeTypeOf('object')
        } catch (error) {
          expect(CeleryError.isCeleryError(error)).toBe(true)
        }
      }),
    )
    const deep = `{"body": "", "properties": {"x": ${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
    expect(() => decodeEnvelope(deep)).not.toThrow()
  })
})
