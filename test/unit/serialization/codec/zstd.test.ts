import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src/errors.ts'
import { loadZstd, nodeZstd } from '../../../../src/serialization/codec/zstd.ts'
import type { Zstd } from '../../../../src/serialization/codec/zstd.ts'

/** Written by Python's `zstandard`: with its size, without it, with a checksum, and a frame of many blocks. */
const RECORDED: readonly [how: string, base64: string, length: number][] = [
  ['with its size', 'KLUv/WBYAW0AADBoZWxsbyABAE9SlSI=', 600],
  ['with a size of one byte', 'KLUv/SA8ZQAAMGhlbGxvIAEAy1mK', 60],
  ['without its size', 'KLUv/QBYbQAAMGhlbGxvIAEAT1KVIg==', 600],
  ['with a checksum', 'KLUv/WRYAW0AADBoZWxsbyABAE9SlSK8iPAi', 600],
  [
    'in many blocks, with its size',
    'KLUv/aDAJwkAdAAAMGhlbGxvIAEA9//JSxFMAAAIbAEA/P85EAJMAAAIbwEA/P85EAJMAAAIaAEA/P85EAJNAAAIbAEAvCc5EAI=',
    600000,
  ],
  [
    'in many blocks, without its size',
    'KLUv/QBYdAAAMGhlbGxvIAEA9//JSxFMAAAIbAEA/P85EAJMAAAIbwEA/P85EAJMAAAIaAEA/P85EAJNAAAIbAEAvCc5EAI=',
    600000,
  ],
]
let zstd: Zstd

beforeAll(async () => {
  zstd = await loadZstd()
})

const decode = (bytes: Uint8Array, maxBytes: number = 2_000_000): Buffer =>
  Buffer.from(zstd.decompress(bytes, maxBytes))

describe('loadZstd', () => {
  it.each(RECORDED)('reads what Python wrote %s', (_, base64, length) => {
    expect(decode(Buffer.from(base64, 'base64')).equals(Buffer.alloc(length, 'hello '))).toBe(true)
  })

  it.each(RECORDED)('stops at the limit of a frame %s', (_, base64, length) => {
    expect(() => decode(Buffer.from(base64, 'base64'), length - 1)).toThrow(`longer than ${String(length - 1)} bytes`)
    expect(decode(Buffer.from(base64, 'base64'), length)).toHaveLength(length)
  })

  it('loads twice in one process', async () => {
    const other = await loadZstd()
    expect(Buffer.from(other.decompress(zstd.compress(Buffer.from('x')), 10)).toString()).toBe('x')
    expect(decode(other.compress(Buffer.from('y'))).toString()).toBe('y')
  })

  it('disturbs nobody who uses it already', async () => {
    const text = Buffer.from('still whole')
    const state = { loaded: false }
    const loading = loadZstd().then(() => {
      state.loaded = true
    })
    while (!state.loaded) {
      expect(decode(zstd.compress(text))).toEqual(text)
      await new Promise(setImmediate)
    }
    await loading
    expect(decode(zstd.compress(text))).toEqual(text)
  })

  it('refuses what is no single frame', () => {
    const frame = Buffer.from(zstd.compress(Buffer.from('abc')))
    expect(() => decode(Buffer.concat([frame, frame]))).toThrow('it is no single frame')
    expect(() => decode(Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]))).toThrow('it does not begin as it should')
    for (let length = 0; length < frame.length; length += 1) {
      expect(() => decode(frame.subarray(0, length))).toThrow(DecodeError)
    }
  })
})

describe.skipIf(nodeZstd() === undefined)('nodeZstd', () => {
  it('agrees with the package', () => {
    const node = nodeZstd()
    if (node === undefined) return
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(decode(node.compress(bytes)).equals(bytes)).toBe(true)
        expect(Buffer.from(node.decompress(zstd.compress(bytes), 2000)).equals(bytes)).toBe(true)
      }),
    )
  })
})
