import { hostname } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import {
  anonymousNodename,
  defaultNodename,
  expandNodename,
  joinNodename,
  splitNodename,
} from '../../../src/protocol/nodename.ts'

describe('splitNodename and joinNodename', () => {
  it('split at the first @', () => {
    expect(splitNodename('w1@host.example.org')).toEqual({ name: 'w1', host: 'host.example.org' })
    expect(splitNodename('w1@a@b')).toEqual({ name: 'w1', host: 'a@b' })
    expect(splitNodename('host')).toEqual({ name: undefined, host: 'host' })
  })

  it('are each other’s reverse', () => {
    const name = fc.string().filter((text) => !text.includes('@'))
    fc.assert(
      fc.property(name, fc.string(), (first, host) => {
        expect(splitNodename(joinNodename(first, host))).toEqual({ name: first, host })
      }),
    )
  })
})

describe('defaultNodename', () => {
  it('completes what is missing', () => {
    expect(defaultNodename('w1@there')).toBe('w1@there')
    expect(defaultNodename('there')).toBe('celery@there')
    expect(defaultNodename('@there')).toBe('celery@there')
    expect(defaultNodename('w1@')).toBe(`w1@${hostname()}`)
    expect(defaultNodename()).toBe(`celery@${hostname()}`)
  })
})

describe('anonymousNodename', () => {
  it('names this process', () => {
    expect(anonymousNodename()).toBe(`gen${String(process.pid)}@${hostname()}`)
  })
})

describe('expandNodename', () => {
  it.each([
    ['%n@%h', 'w1@george.example.org', 'w1@george.example.org'],
    ['/log/%n-%d.log', 'w1@george.example.org', '/log/w1-example.org.log'],
    ['%n', 'george.example.org', 'celery'],
    ['%d', 'w1@george', ''],
    ['100%%', 'w1@george', '100%'],
    ['%%n', 'w1@george', '%n'],
    ['plain', 'w1@george', 'plain'],
    ['%p', 'w1@george.example.org', 'w1@george.example.org'],
    ['%n%I-%i.log', 'w1@george', 'w1-0.log'],
  ])('makes %s of %s to %s', (format, nodename, expected) => {
    expect(expandNodename(format, nodename)).toBe(expected)
  })

  it('uses this machine where no node is given', () => {
    expect(expandNodename('w1@%h')).toBe(`w1@${hostname()}`)
    expect(expandNodename('%n')).toBe(hostname().split('.')[0])
    expect(expandNodename('w%i@here')).toBe('w0@here')
    expect(() => expandNodename('%p')).toThrow(ImproperlyConfigured)
  })

  it.each(['%x', 'w1@%', '%toString', '%ñ', '%\n'])('refuses %j', (format) => {
    expect(() => expandNodename(format, 'w1@host')).toThrow(ImproperlyConfigured)
  })
})
