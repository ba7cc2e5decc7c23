import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { maskPassword, parseUrl, schemeOf, splitUrls, sqliteFile, withScheme } from '../../../src/util/url.ts'

describe('splitUrls', () => {
  it.each<[string | string[], string[]]>([
    ['redis://a', ['redis://a']],
    ['redis://a;redis://b', ['redis://a', 'redis://b']],
    ['amqp://a//; pyamqp://b//;', ['amqp://a//', 'pyamqp://b//']],
    [
      ['redis://a', 'redis://b;redis://c'],
      ['redis://a', 'redis://b', 'redis://c'],
    ],
    ['memory', ['memory://']],
    ['cache+memcached://h:11211;h2:11211/', ['cache+memcached://h:11211;h2:11211/']],
    ['redis://:a;b@h', ['redis://:a;b@h']],
    ['', []],
    [[], []],
  ])('%j', (given, urls) => {
    expect(splitUrls(given)).toEqual(urls)
  })
})

describe('parseUrl', () => {
  const nothing = { username: undefined, password: undefined, host: undefined, port: undefined, path: '', query: {} }

  it.each([
    ['memory://', { scheme: 'memory' }],
    ['redis://localhost', { scheme: 'redis', host: 'localhost' }],
    ['REDIS://localhost:6379/1', { scheme: 'redis', host: 'localhost', port: 6379, path: '/1' }],
    ['redis://:secret@h', { scheme: 'redis', password: 'secret', host: 'h' }],
    ['amqp://u:p@h:5672//', { scheme: 'amqp', username: 'u', password: 'p', host: 'h', port: 5672, path: '//' }],
    ['amqp://u@h/%2Fv', { scheme: 'amqp', username: 'u', host: 'h', path: '/%2Fv' }],
    ['redis://u:p%40%2F%3A@h', { scheme: 'redis', username: 'u', password: 'p@/:', host: 'h' }],
    ['redis://u:p@q#r@h:1', { scheme: 'redis', username: 'u', password: 'p@q#r', host: 'h', port: 1 }],
    ['redis://[::1]:6379/0', { scheme: 'redis', host: '[::1]', port: 6379, path: '/0' }],
    [
      'redis+socket:///tmp/r.sock?virtual_host=1',
      { scheme: 'redis+socket', path: '/tmp/r.sock', query: { virtual_host: '1' } },
    ],
    [
      'rediss://h/0?ssl_cert_reqs=none&a=b%20c',
      { scheme: 'rediss', host: 'h', path: '/0', query: { ssl_cert_reqs: 'none', a: 'b c' } },
    ],
  ])('%s', (url, parts) => {
    expect(parseUrl(url)).toEqual({ ...nothing, ...parts })
  })

  it.each(['', 'localhost', 'redis//x', 'redis://h:port', 'redis://h:99999', '://x'])('refuses %j', (url) => {
    expect(() => parseUrl(url)).toThrow(ImproperlyConfigured)
  })

  it('names the escape that is none, without the password', () => {
    expect(() => parseUrl('redis://u:100%@h')).toThrow(/%25/)
    expect(() => parseUrl('redis://u:100%@h')).not.toThrow(/100/)
  })

  it('shows no password of a URL that it refuses', () => {
    expect(() => parseUrl('redis://u:se/cret@h')).toThrow(/redis:\/\/u:\*\*@h/)
  })
})

describe('maskPassword', () => {
  it.each([
    ['redis://localhost:6379/0', 'redis://localhost:6379/0'],
    ['redis://user@h/0', 'redis://user@h/0'],
    ['redis://user:secret@h:1/0', 'redis://user:**@h:1/0'],
    ['redis://:secret@h', 'redis://:**@h'],
    ['amqp://u:a@b:c@h//', 'amqp://u:**@h//'],
    ['amqp://u:a/b@h/v', 'amqp://u:**@h/v'],
    ['amqp://u:p@h/v@w', 'amqp://u:**@h/v@w'],
    ['redis://h/0?password=secret&x=1', 'redis://h/0?password=**&x=1'],
    ['redis://h:1/0?x=a@b:c', 'redis://h:1/0?x=a@b:c'],
    ['amqp://u:p@a;amqp://u:q@b', 'amqp://u:**@a;amqp://u:**@b'],
    ['sqlite:////var/a:b@c.db', 'sqlite:////var/a:b@c.db'],
    ['memory', 'memory://'],
  ])('%s', (url, masked) => {
    expect(maskPassword(url)).toBe(masked)
  })
})

describe('schemeOf and withScheme', () => {
  it('read and change the scheme', () => {
    expect(schemeOf('PyAMQP://u:p@h')).toBe('pyamqp')
    expect(schemeOf('memory')).toBe('memory')
    expect(() => schemeOf('/tmp/file')).toThrow(ImproperlyConfigured)
    expect(withScheme('pyamqp://u:p@h//', 'amqp')).toBe('amqp://u:p@h//')
    expect(withScheme('memory', 'memory')).toBe('memory://')
  })
})

describe('sqliteFile', () => {
  it.each([
    ['sqlite:///jobs.db', 'jobs.db'],
    ['sqlite:///../up/my jobs.db', '../up/my jobs.db'],
    ['sqlite:////var/lib/jobs.db', '/var/lib/jobs.db'],
    ['sqlite:///C:\\jobs.db', 'C:\\jobs.db'],
    ['sqlite:///jobs.db?timeout=5', 'jobs.db'],
    ['db+sqlite:///results.db', 'results.db'],
    ['sqlite://', ':memory:'],
    ['sqlite:///:memory:', ':memory:'],
  ])('%s', (url, file) => {
    expect(sqliteFile(url)).toBe(file)
  })

  it('says what to write instead of two slashes', () => {
    expect(() => sqliteFile('sqlite://jobs.db')).toThrow(/sqlite:\/\/\/jobs\.db/)
  })
})
