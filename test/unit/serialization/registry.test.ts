import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ContentDisallowed,
  DecodeError,
  EncodeError,
  ImproperlyConfigured,
  MissingDriver,
} from '../../../src/errors.ts'
import { SerializationRegistry } from '../../../src/serialization/registry.ts'
import type { EncodedBody } from '../../../src/serialization/registry.ts'
import type { Serializer } from '../../../src/serialization/serializer.ts'
import { data } from './arbitraries.ts'

const BODY = [[2, 2], {}, { callbacks: null, errbacks: null, chain: null, chord: null }]

/** Decode what `encodeBody` made, accepting everything. */
function decode(registry: SerializationRegistry, encoded: EncodedBody): unknown {
  return registry.decodeBody(encoded, encoded.compression, registry.acceptList([encoded.contentType]))
}

const shout: Serializer = {
  name: 'shout',
  contentType: 'application/x-shout',
  contentEncoding: 'utf-8',
  encode: (value) => String(value).toUpperCase(),
  decode: (body) => String(body).toLowerCase(),
}

describe('encodeBody and decodeBody', () => {
  it('encode JSON as text', () => {
    expect(new SerializationRegistry().encodeBody(BODY, 'json')).toEqual({
      body: '[[2,2],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      compression: undefined,
    })
  })

  it('bring back any body with any serializer and compression', async () => {
    const registry = new SerializationRegistry()
    await registry.load(['yaml', 'msgpack', 'zstd'])
    const serializers = fc.constantFrom('json', 'yaml', 'msgpack', 'pickle')
    const compressions = fc.constantFrom(undefined, 'gzip', 'zlib', 'bzip2', 'brotli', 'xz', 'zstd')
    fc.assert(
      fc.property(data, serializers, compressions, (value, serializer, compression) => {
        expect(decode(registry, registry.encodeBody(value, serializer, compression))).toEqual(value)
      }),
    )
  })

  it('name the MIME type of the compression', () => {
    const encoded = new SerializationRegistry().encodeBody(BODY, 'json', 'zlib')
    expect(encoded).toMatchObject({
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      compression: 'application/x-gzip',
    })
    expect(encoded.body).toBeInstanceOf(Uint8Array)
    expect(
      decode(new SerializationRegistry(), { ...encoded, body: Buffer.from(encoded.body).toString('latin1') }),
    ).toEqual(BODY)
  })

  it('take text and bytes as they are', () => {
    const registry = new SerializationRegistry()
    const bytes = Buffer.from([0, 255])
    expect(registry.encodeBody('é', undefined)).toMatchObject({
      body: 'é',
      contentType: 'text/plain',
      contentEncoding: 'utf-8',
    })
    expect(registry.encodeBody('é', 'raw')).toMatchObject({
      body: 'é',
      contentType: 'application/data',
      contentEncoding: 'utf-8',
    })
    for (const name of [undefined, 'raw']) {
      const encoded = registry.encodeBody(bytes, name)
      expect(encoded).toMatchObject({ body: bytes, contentType: 'application/data', contentEncoding: 'binary' })
      expect(decode(registry, encoded)).toEqual(bytes)
    }
    expect(registry.encodeBody([1], undefined)).toMatchObject({ body: '[1]', contentType: 'application/json' })
    expect(() => registry.encodeBody([1], 'raw')).toThrow(EncodeError)
    expect(decode(registry, registry.encodeBody('é', 'raw', 'gzip'))).toBe('é')
  })

  it('read raw bodies by their content encoding', () => {
    const registry = new SerializationRegistry()
    const accept = registry.acceptList([])
    const read = (body: Uint8Array, contentEncoding: string): unknown =>
      registry.decodeBody({ body, contentType: '', contentEncoding }, undefined, accept)
    expect(read(Buffer.from('é'), 'utf-8')).toBe('é')
    expect(read(Buffer.from('é'), '')).toBe('é')
    expect(read(Buffer.from('é', 'latin1'), 'ISO-8859-1')).toBe('é')
    expect(read(Buffer.from('é', 'utf16le'), 'utf-16le')).toBe('é')
    expect(read(Buffer.from([255]), 'binary')).toEqual(Buffer.from([255]))
    expect(() => read(Buffer.from([255]), 'utf-8')).toThrow(DecodeError)
    expect(() => read(Buffer.from('x'), 'klingon')).toThrow(DecodeError)
  })

  it('refuse what is not known, and say what is near', () => {
    const registry = new SerializationRegistry()
    expect(() => registry.encodeBody(1, 'jsn')).toThrow('There is no serializer "jsn"; did you mean "json"?')
    expect(() => registry.encodeBody(1, 'protobuf')).toThrow('there are: json, pickle, yaml, msgpack')
    expect(() => registry.encodeBody(1, 'json', 'gzp')).toThrow('There is no compression "gzp"; did you mean "gzip"?')
    expect(() => registry.encodeBody(1, 'json', 'gzp')).toThrow(ImproperlyConfigured)
    const encoded = { ...registry.encodeBody(1, 'json'), compression: 'application/x-snappy' }
    expect(() => decode(registry, encoded)).toThrow('The compression "application/x-snappy" is not known')
    expect(() => decode(registry, encoded)).toThrow(DecodeError)
  })

  it('refuse what is not loaded', async () => {
    const registry = new SerializationRegistry()
    const message = { body: 'a: 1', contentType: 'application/x-yaml', contentEncoding: 'utf-8' }
    const accept = registry.acceptList(['yaml'])
    expect(() => registry.encodeBody(1, 'yaml')).toThrow('The serializer yaml is not loaded')
    expect(() => registry.decodeBody(message, undefined, accept)).toThrow(DecodeError)
    await registry.load(['application/x-yaml'])
    // The accept list was made before.
    expect(registry.decodeBody(message, undefined, accept)).toEqual({ a: 1 })
  })

  it('stop decompressing at the limit', () => {
    const registry = new SerializationRegistry({ maxBytes: 1000 })
    expect(() => decode(registry, registry.encodeBody('x'.repeat(1000), 'json', 'gzip'))).toThrow(
      'longer than 1000 bytes',
    )
    expect(decode(registry, registry.encodeBody('x'.repeat(998), 'json', 'bzip2'))).toHaveLength(998)
    expect(() => new SerializationRegistry({ maxBytes: 0 })).toThrow(ImproperlyConfigured)
  })

  it('name the serializer that fails with an error of its own', () => {
    const registry = new SerializationRegistry()
    const fail = (): never => {
      throw new TypeError('oh no')
    }
    registry.register({ ...shout, encode: fail, decode: fail })
    expect(() => registry.encodeBody(1, 'shout')).toThrow(EncodeError)
    expect(() =>
      decode(registry, { body: '', contentType: shout.contentType, contentEncoding: '', compression: undefined }),
    ).toThrow(new DecodeError('The serializer shout failed: oh no'))
  })
})

describe('acceptList', () => {
  it('has MIME types, and trusts raw ones always', () => {
    const { contentTypes } = new SerializationRegistry().acceptList(['json', 'application/x-python-serialize', 'raw'])
    expect(contentTypes).toEqual([
      'application/json',
      'application/x-python-serialize',
      'application/data',
      'application/text',
    ])
  })

  it('refuses all else before looking at it, and says what to change', () => {
    const registry = new SerializationRegistry()
    const message = { body: 'cos\nsystem\n', contentType: 'application/x-python-serialize', contentEncoding: 'binary' }
    const refused = (names: string[], setting?: string): unknown =>
      registry.decodeBody(message, 'no such compression', registry.acceptList(names, setting))
    expect(() => refused(['json'])).toThrow(ContentDisallowed)
    expect(() => refused(['json'])).toThrow(
      'Refusing to decode content of type pickle (application/x-python-serialize); ' +
        'to accept it, add "pickle" to the setting acceptContent',
    )
    expect(() => refused(['json'], 'resultAcceptContent')).toThrow('setting resultAcceptContent')
    const unknown = { ...message, contentType: 'application/x-mine' }
    expect(() => registry.decodeBody(unknown, undefined, registry.acceptList([]))).toThrow(
      'add "application/x-mine" to',
    )
  })

  it('refuses names that are not known', () => {
    expect(() => new SerializationRegistry().acceptList(['jason'])).toThrow('did you mean "json"?')
  })

  it('takes MIME types that no serializer is for, as text or bytes', () => {
    const registry = new SerializationRegistry()
    const accept = registry.acceptList(['text/plain', 'application/x-shout'])
    const read = (contentType: string): unknown =>
      registry.decodeBody({ body: Buffer.from('HI'), contentType, contentEncoding: 'utf-8' }, undefined, accept)
    expect(read('text/plain')).toBe('HI')
    expect(read('application/x-shout')).toBe('HI')
    registry.register(shout)
    expect(read('application/x-shout')).toBe('hi')
  })
})

describe('register', () => {
  it('adds serializers and their aliases', () => {
    const registry = new SerializationRegistry()
    registry.register(shout, ['loud'])
    expect(registry.encodeBody('hi', 'loud')).toMatchObject({ body: 'HI', contentType: 'application/x-shout' })
    expect(registry.serializer('shout')).toBe(shout)
    expect(registry.acceptList(['loud']).contentTypes).toContain('application/x-shout')
  })

  it('lets another one decode a content type, and the first encode it still', () => {
    const registry = new SerializationRegistry()
    const accept = registry.acceptList(['json'])
    registry.register({ ...shout, contentType: 'application/json' })
    const encoded = registry.encodeBody(['HI'], 'json')
    expect(encoded.body).toBe('["HI"]')
    expect(registry.decodeBody(encoded, undefined, accept)).toBe('["hi"]')
  })

  it('adds compressions', () => {
    const registry = new SerializationRegistry()
    const reverse = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes).reverse()
    registry.registerCompression({
      name: 'mirror',
      contentType: 'application/x-mirror',
      compress: reverse,
      decompress: reverse,
    })
    const encoded = registry.encodeBody([1, 23], 'json', 'mirror')
    expect(encoded.compression).toBe('application/x-mirror')
    expect(Buffer.from(encoded.body).toString()).toBe(']32,1[')
    expect(decode(registry, encoded)).toEqual([1, 23])
  })
})

describe('load', () => {
  it('takes names, aliases, MIME types and nothing', async () => {
    const registry = new SerializationRegistry()
    expect(['json', 'pickle', 'raw', 'gzip', 'yaml', 'msgpack'].map((name) => registry.isLoaded(name))).toEqual([
      ...[true, true, true, true],
      ...[false, false],
    ])
    await registry.load([
      'json',
      'raw',
      undefined,
      null,
      'yaml',
      'application/x-msgpack',
      'text/plain',
      'zlib',
      'zstandard',
    ])
    expect(['yaml', 'msgpack', 'application/zstd'].every((name) => registry.isLoaded(name))).toBe(true)
    expect(registry.isLoaded('nothing')).toBe(false)
  })

  it('rejects for names that are not known', async () => {
    await expect(new SerializationRegistry().load(['ymal'])).rejects.toThrow('did you mean "yaml"?')
    await expect(new SerializationRegistry().load(['ymal'])).rejects.toThrow(ImproperlyConfigured)
  })

  it('takes modules that are handed in', async () => {
    const lib = { parseDocument: () => ({ errors: [], warnings: [], toJS: () => 'theirs' }) }
    const registry = new SerializationRegistry({ modules: { yaml: lib } })
    await registry.load(['yaml'])
    expect(registry.serializer('yaml').decode('x')).toBe('theirs')
  })

  it('says which package is missing, again when it is used', async () => {
    const registry = new SerializationRegistry()
    const missing = new MissingDriver('shout-lib', 'The serializer shout')
    registry.register({ ...shout, load: () => Promise.reject(missing) })
    await expect(registry.load(['shout'])).rejects.toBe(missing)
    expect(() => registry.serializer('shout')).toThrow('npm install shout-lib')
  })
})

describe('loadCompressions', () => {
  it('loads what can be loaded', async () => {
    const registry = new SerializationRegistry()
    registry.registerCompression({ name: 'x', contentType: 'a/x', load: () => Promise.reject(new Error('not there')) })
    await registry.loadCompressions()
    expect(registry.isLoaded('zstd')).toBe(true)
    const encoded = { ...registry.encodeBody(1, 'json'), compression: 'a/x' }
    expect(() => decode(registry, encoded)).toThrow('The compression x is not loaded: not there')
  })
})
