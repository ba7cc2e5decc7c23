import { expect, it } from 'vitest'
import { encodeMark, encodeReply, readMark } from '../../../src/protocol/reply.ts'

const document = { body: '{}', contentType: 'application/json', contentEncoding: 'utf-8' }

it('a reply is the document, under the id that its caller knows', () => {
  expect(encodeReply(document, 'id-1', false)).toEqual({
    ...document,
    headers: {},
    properties: { correlation_id: 'id-1', delivery_mode: 1, priority: 0 },
  })
  expect(encodeReply(document, 'id-1', true).properties.delivery_mode).toBe(2)
})

it('a mark is known from a reply', () => {
  expect(readMark(encodeMark('m'))).toBe('m')
  expect(readMark(encodeReply(document, 'm', false))).toBeUndefined()
})
