import { describe, expect, it } from 'vitest'
import type { AmqpProperties } from '../../../../src/driver/amqp.ts'
import type { Body, Headers, Message, Properties } from '../../../../src/protocol/message.ts'
import { fromDelivery, toContent, toProperties } from '../../../../src/transport/amqp/messages.ts'

const PROPERTIES = {
  correlation_id: 'c',
  reply_to: 'r',
  delivery_mode: 2,
  priority: 0,
  expiration: '1500',
  message_id: 'm',
  timestamp: 1,
  type: 't',
  user_id: 'u',
  app_id: 'a',
}

function message(properties: Properties, headers: Headers = {}): Message {
  return { body: '', contentType: 'application/json', contentEncoding: 'utf-8', headers, properties }
}

function received(properties: AmqpProperties, content: Buffer = Buffer.from('')): Message {
  const fields = { deliveryTag: 1, redelivered: false, exchange: '', routingKey: 'q' }
  return fromDelivery({ fields, properties, content })
}

function bodyOf(content: Buffer, contentEncoding: string, headers: Headers = {}): Body {
  return received({ contentEncoding, headers }, content).body
}

describe('messages over AMQP', () => {
  it('have each property under AMQP’s name', () => {
    expect(toProperties(message(PROPERTIES, { id: 'x' }))).toEqual({
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: { id: 'x' },
      correlationId: 'c',
      replyTo: 'r',
      deliveryMode: 2,
      priority: 0,
      expiration: '1500',
      messageId: 'm',
      timestamp: 1,
      type: 't',
      userId: 'u',
      appId: 'a',
    })
  })

  it('come as they were sent', () => {
    const sent = message(PROPERTIES, { id: 'x' })
    expect(received(toProperties(sent))).toEqual(sent)
  })

  it('go without what AMQP has no place for, and without what is not set', () => {
    const sent = { delivery_tag: 'd', reply_to: null, priority: undefined } as unknown as Properties
    expect(Object.keys(toProperties(message(sent)))).toEqual(['contentType', 'contentEncoding', 'headers'])
  })

  it('that say nothing of themselves are text without headers', () => {
    const expected = { body: 'é', contentType: '', contentEncoding: 'utf-8', headers: {}, properties: {} }
    expect(received({}, Buffer.from('é'))).toEqual(expected)
  })

  it('have the bytes of a text in UTF-8, and of an array only its own', () => {
    expect(toContent('é')).toEqual(Buffer.from([0xc3, 0xa9]))
    expect(toContent(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toEqual(Buffer.from([2, 3]))
  })

  it.each(['utf-8', 'UTF-8', 'utf8', 'us-ascii'])('are text where their encoding is %s', (contentEncoding) => {
    expect(bodyOf(Buffer.from('text'), contentEncoding)).toBe('text')
  })

  it('stay bytes where they are binary, compressed or no UTF-8', () => {
    const [text, broken] = [Buffer.from('text'), Buffer.from([0xff, 0xfe])]
    expect(bodyOf(text, 'binary')).toEqual(text)
    expect(bodyOf(text, 'utf-8', { compression: 'application/x-gzip' })).toEqual(text)
    expect(bodyOf(broken, 'utf-8')).toEqual(broken)
  })
})
