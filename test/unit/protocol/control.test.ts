import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import {
  concernsNode,
  decodeControlHead,
  decodeControlReply,
  decodeControlRequest,
  encodeControlHead,
  encodeControlReply,
  encodeControlRequest,
  matchesPattern,
} from '../../../src/protocol/control.ts'
import type { ControlRequest } from '../../../src/protocol/control.ts'

const ping: ControlRequest = { method: 'ping', arguments: {} }

describe('requests', () => {
  it('are written as kombu writes them', () => {
    expect(JSON.stringify(encodeControlRequest(ping))).toBe(
      '{"method":"ping","arguments":{},"destination":null,"pattern":null,"matcher":null}',
    )
    const full: ControlRequest = {
      method: 'revoke',
      arguments: { task_id: ['x'] },
      destination: ['w@h'],
      pattern: 'w*',
      matcher: 'glob',
      ticket: 't',
      replyTo: { exchange: 'reply.celery.pidbox', routingKey: 'oid' },
    }
    expect(JSON.stringify(encodeControlRequest(full))).toBe(
      '{"method":"revoke","arguments":{"task_id":["x"]},"destination":["w@h"],"pattern":"w*","matcher":"glob",' +
        '"ticket":"t","reply_to":{"exchange":"reply.celery.pidbox","routing_key":"oid"}}',
    )
  })

  it('are read back', () => {
    const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined })
    const requests = fc.record({
      method: fc.string({ minLength: 1 }),
      arguments: fc.dictionary(fc.string(), fc.jsonValue()),
      destination: optional(fc.array(fc.string())),
      pattern: optional(fc.string()),
      matcher: optional(fc.constantFrom('glob' as const, 'pcre' as const)),
    })
    const replies = fc.record({
      ticket: fc.string(),
      replyTo: fc.record({ exchange: fc.string(), routingKey: fc.string() }),
    })
    fc.assert(
      fc.property(
        requests,
        fc.oneof(replies, fc.constant({ ticket: undefined, replyTo: undefined })),
        (request, to) => {
          const sent = { ...request, ...to }
          const body = JSON.parse(JSON.stringify(encodeControlRequest(sent)))
          const copy = decodeControlRequest(body)
          expect({ ...copy, arguments: {} }).toEqual({ ...sent, arguments: {} })
          expect(JSON.stringify(copy.arguments)).toBe(JSON.stringify(sent.arguments))
        },
      ),
    )
  })

  it('may leave out what they do not need', () => {
    expect(decodeControlRequest({ method: 'ping' })).toEqual(ping)
    expect(decodeControlRequest({ method: 'ping', destination: 'w@h', matcher: '' }).destination).toEqual(['w@h'])
  })

  it.each([
    [null, 'It is None'],
    [[], 'It is []'],
    [{}, '"method" is None'],
    [{ method: '' }, '"method" is \'\''],
    [{ method: 'x', arguments: [] }, '"arguments" are []'],
    [{ method: 'x', ticket: 1 }, '"ticket" is 1'],
    [{ method: 'x', destination: [1] }, '"destination" is [1]'],
    [{ method: 'x', destination: {} }, '"destination" is {}'],
    [{ method: 'x', pattern: 1 }, '"pattern" is 1'],
    [{ method: 'x', matcher: 'soundex' }, '"matcher" is \'soundex\', not "glob" or "pcre"'],
    [{ method: 'x', reply_to: 'queue' }, '"reply_to" is \'queue\''],
    [{ method: 'x', reply_to: { exchange: 'e' } }, "\"reply_to\" is {'exchange': 'e'}"],
  ])('are not %j', (body, reason) => {
    expect(() => decodeControlRequest(body)).toThrow(DecodeError)
    expect(() => decodeControlRequest(body)).toThrow(reason)
  })

  it('answer a request or an error of ours for anything', () => {
    const field = fc.constantFrom('method', 'arguments', 'destination', 'pattern', 'matcher', 'ticket', 'reply_to')
    const near = fc.dictionary(field, fc.oneof(fc.string(), fc.constantFrom('glob', 'pcre'), fc.jsonValue()))
    fc.assert(
      fc.property(fc.oneof(near, fc.anything()), (body) => {
        try {
          expect(concernsNode(decodeControlRequest(body), 'w@h')).toBeTypeOf('boolean')
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
    let deep: unknown = {}
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    expect(decodeControlRequest({ method: 'x', arguments: { deep } }).method).toBe('x')
    expect(() => decodeControlRequest({ method: 'x', destination: deep })).toThrow(DecodeError)
  })
})

describe('concernsNode', () => {
  it('goes by destination, then by pattern and matcher, else says yes', () => {
    const concerns = (fields: Partial<ControlRequest>): boolean => concernsNode({ ...ping, ...fields }, 'w1@host')
    expect(concerns({})).toBe(true)
    expect(concerns({ destination: [] })).toBe(true)
    expect(concerns({ destination: ['w1@host', 'w2@host'] })).toBe(true)
    expect(concerns({ destination: ['w2@host'] })).toBe(false)
    expect(concerns({ destination: ['w2@host'], pattern: 'w1*', matcher: 'glob' })).toBe(false)
    expect(concerns({ pattern: 'w1*', matcher: 'glob' })).toBe(true)
    expect(concerns({ pattern: 'w2*', matcher: 'glob' })).toBe(false)
    expect(concerns({ pattern: 'w2*' })).toBe(true)
  })
})

describe('matchesPattern', () => {
  // Answers are those of Python's fnmatch.fnmatchcase.
  it.each([
    ['w1@host', 'w1@host', true],
    ['w1@host', 'w?@host', true],
    ['w1@host', '*', true],
    ['w1@host', '*@*', true],
    ['w1@host', 'w*t', true],
    ['w1@host', 'w*x', false],
    ['w1@host', 'w', false],
    ['w1@host', 'w1@hostx', false],
    ['w1@host', '[a-z]1*', true],
    ['w1@host', '[!a-z]1*', false],
    ['w1@host', 'w[0-9]@*', true],
    ['w1@host', 'w[!12]@*', false],
    ['', '*', true],
    ['', '?', false],
    ['a]b', 'a[]]b', true],
    ['a[b', 'a[b', true],
    ['a-b', 'a[-x]b', true],
    ['a-b', 'a[x-]b', true],
    ['w1.host', 'w1?host', true],
    ['w1+host', 'w1+host', true],
    ['aaab', '*a*a*b', true],
    ['abcabd', '*abd', true],
  ])('glob: %s and %s', (text, pattern, matches) => {
    expect(matchesPattern(text, pattern, 'glob')).toBe(matches)
  })

  it.each([
    ['w1@host', 'w\\d', true],
    ['w1@host', 'host', false],
    ['w1@host', '.*host$', true],
    ['w1@host', 'x|w1', true],
    ['w1@host', 'x|host', false],
  ])('pcre: %s and %s', (text, pattern, matches) => {
    expect(matchesPattern(text, pattern, 'pcre')).toBe(matches)
  })

  it('names a pattern that it cannot read', () => {
    expect(() => matchesPattern('w', '(?P<x>.)', 'pcre')).toThrow(DecodeError)
    expect(() => matchesPattern('w', '(', 'pcre')).toThrow("The pattern '('")
  })

  it('takes no glob that takes long', () => {
    expect(matchesPattern('a'.repeat(1000), `${'*a'.repeat(100)}*b`, 'glob')).toBe(false)
  })
})

describe('replies', () => {
  it('are answers by node', () => {
    expect(encodeControlReply('w@h', { ok: 'pong' })).toEqual({ 'w@h': { ok: 'pong' } })
    expect(encodeControlReply('w@h', undefined)).toEqual({ 'w@h': null })
    expect(decodeControlReply({ 'w@h': { ok: 'pong' } })).toEqual([['w@h', { ok: 'pong' }]])
    for (const body of [null, [], 'x', 5]) expect(() => decodeControlReply(body)).toThrow(DecodeError)
  })
})

describe('headers', () => {
  it('say clock, ticket and expiry as kombu does', () => {
    expect(encodeControlHead({ clock: 3, expires: 1.5 })).toEqual({ clock: 3, expires: 1.5 })
    expect(encodeControlHead({ clock: 3 })).toEqual({ clock: 3, expires: 0 })
    expect(encodeControlHead({ clock: 3, ticket: 't' })).toEqual({ ticket: 't', clock: 3 })
  })

  it('are read back; what cannot be is not there', () => {
    for (const head of [{ clock: 3, expires: 1.5 }, { clock: 3 }, { clock: 3, ticket: 't' }]) {
      expect(decodeControlHead(encodeControlHead(head))).toEqual({ ticket: undefined, expires: undefined, ...head })
    }
    expect(decodeControlHead({ clock: 'x', ticket: 5, expires: [] })).toEqual({ clock: 0 })
  })
})
