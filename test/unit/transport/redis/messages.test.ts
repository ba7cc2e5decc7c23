import { describe, expect, it } from 'vitest'
import { encodeEntry, storedMessage } from '../../../../src/transport/redis/messages.ts'
import { entry } from '../../../support/redis-transport.ts'

describe('messages in Redis', () => {
  it('come as they were sent', () => {
    const sent = entry('q', 'body', { exchange: 'x', routingKey: 'k' })
    const { properties, ...stored } = storedMessage(encodeEntry(sent, undefined), 'q', 'handle').message
    expect(properties.priority).toBe(0)
    expect({ ...stored, properties: {} }).toEqual(sent.message)
  })

  it('know where they were sent, and whether they come again', () => {
    const text = encodeEntry(entry('q', 'body', { exchange: 'x', routingKey: 'k' }), undefined)
    expect(storedMessage(text, 'q', 1)).toMatchObject({
      exchange: 'x',
      routingKey: 'k',
      queue: 'q',
      redelivered: false,
    })
    const marked = text.replace('"delivery_info":{', '"delivery_info":{"redelivered":true,')
    expect(storedMessage(marked, 'q', 1).redelivered).toBe(true)
  })

  it('have a tag of their own for each queue', () => {
    const tags = [1, 2].map(() => JSON.parse(encodeEntry(entry('q', ''), undefined)).properties.delivery_tag)
    expect(tags[0]).not.toBe(tags[1])
  })

  it('have readable bodies where that is wanted', () => {
    expect(JSON.parse(encodeEntry(entry('q', 'body'), 'utf-8')).body).toBe('body')
  })

  it('that are none are given out all the same, so that somebody can refuse them', () => {
    const { message, queue } = storedMessage('no envelope', 'q', 1)
    expect([message.body, message.headers, queue]).toEqual(['no envelope', {}, 'q'])
  })
})
