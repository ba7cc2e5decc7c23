import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { deflateSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import { decompress, standardCompressions } from '../../../src/serialization/compression.ts'
import type { Compression } from '../../../src/serialization/compression.ts'
import { pickle } from '../../../src/serialization/pickle.ts'
import { damage, expectValueOrError, spoil } from './arbitraries.ts'
import { findPython, runPython } from './python.ts'

const NAMES = ['gzip', 'bzip2', 'lzma', 'brotli', 'zstd'] as const
/** What Python needs for each, and how it is called. */
const PYTHON: Readonly<Record<string, [module: string, compress: string, decompress: string]>> = {
  gzip: ['zlib', 'zlib.compress(data)', 'zlib.decompress(data)'],
  bzip2: ['bz2', 'bz2.compress(data)', 'bz2.decompress(data)'],
  lzma: ['lzma', 'lzma.compress(data)', 'lzma.decompress(data)'],
  brotli: ['brotli', 'brotli.compress(data)', 'brotli.decompress(data)'],
  zstd: ['zstandard', 'zstandard.ZstdCompressor().compress(data)', 'zstandard.ZstdDecompressor().decompress(data)'],
}

const MAX = 1_000_000
const compressions = new Map<string, Compression>()

beforeAll(async () => {
  for (const known of standardCompressions()) {
    compressions.set(known.name, 'load' in known ? await known.load() : known)
  }
})

function find(name: string): Compression {
  const compression = compressions.get(name)
  if (compression === undefined) throw new Error(`no ${name}`)
  return compression
}

const body = fc.oneof(
  fc.uint8Array({ maxLength: 500 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '{"k": '), maxLength: 500 }).map((text) => Buffer.from(text)),
)

describe('standardCompressions', () => {
  it('have the names of kombu', () => {
    const rows = standardCompressions().map(({ name, aliases = [], contentType }) => [contentType, name, ...aliases])
    expect(rows).toEqual([
      ['application/x-gzip', 'gzip', 'zlib'],
      ['application/x-bz2', 'bzip2', 'bzip'],
      ['application/x-lzma', 'lzma', 'xz'],
      ['application/x-brotli', 'brotli'],
      ['application/zstd', 'zstd', 'zstandard'],
    ])
  })

  it('write gzip as a zlib stream, and read both', () => {
    const data = Buffer.from('abc')
    expect(find('gzip').compress(data)).toEqual(deflateSync(data))
    expect(decompress(find('gzip'), gzipSync(data), MAX)).toEqual(data)
  })
})

describe.each(NAMES)('%s', (name) => {
  it('brings back what it compressed', () => {
    fc.assert(
      fc.property(body, (data) => {
        expect(Buffer.from(decompress(find(name), find(name).compress(data), MAX))).toEqual(Buffer.from(data))
      }),
    )
  })

  it('makes repetitive bodies shorter', () => {
    const data = Buffer.from('{"id": 1, "name": "x"}'.repeat(1000))
    expect(find(name).compress(data).length).toBeLessThan(data.length / 20)
  })

  it('stops at the limit', () => {
    const bomb = find(name).compress(Buffer.alloc(MAX + 1))
    expect(bomb.length).toBeLessThan(5000)
    expect(() => decompress(find(name), bomb, MAX)).toThrow(DecodeError)
    expect(() => decompress(find(name), bomb, MAX)).toThrow('would be longer than 1000000 bytes')
    expect(decompress(find(name), bomb, MAX + 1)).toHaveLength(MAX + 1)
  })

  it('takes anything for bytes or an error', () => {
    const valid = body.map((data) => find(name).compress(data))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.tuple(valid, damage).map(([bytes, how]) => spoil(bytes, how)),
        ),
        (bytes) => {
          expectValueOrError(() => decompress(find(name), bytes, MAX))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('refuses what is cut off', () => {
    const whole = find(name).compress(Buffer.from('some text that is not there to the end'))
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decompress(find(name), whole.subarray(0, length), MAX)).toThrow(DecodeError)
    }
  })

  const [module = '', compressCall = '', decompressCall = ''] = PYTHON[name] ?? []
  const python = findPython(module)

  it.skipIf(python === undefined)('agrees with Python', () => {
    const bodies = [...fc.sample(body, 10), Buffer.alloc(0), Buffer.from('héllo '.repeat(50_000))].map((data) =>
      Buffer.from(data),
    )
    const program = `
import sys, pickle, ${module}
theirs = []
for plain, data in pickle.load(sys.stdin.buffer):
    assert ${decompressCall} == plain
    data = plain
    theirs.append(${compressCall})
sys.stdout.buffer.write(pickle.dumps(theirs))`
    const ours = bodies.map((plain) => [plain, find(name).compress(plain)])
    const theirs = pickle.decode(runPython(python ?? '', program, Buffer.from(pickle.encode(ours)))) as Buffer[]
    const back = theirs.map((bytes) => Buffer.from(decompress(find(name), bytes, MAX)))
    expect(back.map((data, index) => data.equals(bodies[index] ?? Buffer.alloc(0)))).toEqual(bodies.map(() => true))
  })
})

describe('recorded messages', () => {
  it.each([
    ['gzip', 'gzip'],
    ['zlib', 'gzip'],
    ['bzip2', 'bzip2'],
    ['lzma', 'lzma'],
  ])('%s is read', (recorded, name) => {
    const file = new URL('../../wire/redis-messages.json', import.meta.url)
    const all = JSON.parse(readFileSync(file, 'utf8')) as { name: string; messages: { raw: string }[] }[]
    const raw = all.find((message) => message.name === recorded)?.messages[0]?.raw ?? ''
    const { body: base64, headers } = JSON.parse(raw) as { body: string; headers: Record<string, unknown> }
    expect(headers['compression']).toBe(find(name).contentType)
    expect(decompress(find(name), Buffer.from(base64, 'base64'), MAX).toString()).toBe(
      '[[1, 1], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
    )
  })
})
