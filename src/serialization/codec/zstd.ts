/**
 * Zstandard: Node's own where Node has it (22.15 and later), else the optional package `@bokuweb/zstd-wasm`. Neither
 * looks closely enough at what it is given, so each frame is read over here first.
 */
import type { Buffer } from 'node:buffer'
import * as zlib from 'node:zlib'
import { importPeer } from '../../driver/load.ts'
import { DecodeError } from '../../errors.ts'
import { bufferOf } from '../body.ts'
import { tooLong } from './output.ts'

/** Both directions, whoever does them. */
export interface Zstd {
  compress(bytes: Uint8Array): Uint8Array
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

/** Where the package notes that somebody made it ready. Shared by all copies of ours in a process. */
const READY: unique symbol = Symbol.for('celeriac.zstd.ready')

/** What we use of `@bokuweb/zstd-wasm`. */
interface ZstdModule {
  init(): Promise<void>
  compress: ((bytes: Uint8Array) => Uint8Array) & { [READY]?: Promise<void> }
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array
}

/** What Node 22.15 has more than the types of Node 20 know. */
interface NodeZstd {
  zstdCompressSync(bytes: Uint8Array): Buffer
  zstdDecompressSync(bytes: Uint8Array, options: { maxOutputLength: number }): Buffer
}

/** Node's own, or undefined where it has none. */
export function nodeZstd(): Zstd | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as Partial<NodeZstd>
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined
  return {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, maxBytes) => {
      // Node 22 takes a frame that is cut off for a whole one.
      measure(bufferOf(bytes))
      return zstdDecompressSync(bytes, { maxOutputLength: maxBytes })
    },
  }
}

/** Load the package, or take the one that is handed in. Rejects with `MissingDriver`. */
export async function loadZstd(provided?: unknown): Promise<Zstd> {
  const lib = await importPeer<ZstdModule>('@bokuweb/zstd-wasm', 'The compression zstd (before Node 22.15)', provided)
  // It has one instance a process: a second init changes its memory under who uses it, and what is compressed then is zeros.
  await (lib.compress[READY] ??= lib.init())
  return {
    compress: (bytes) => lib.compress(bytes),
    decompress: (bytes, maxBytes) => decompress(lib, bytes, maxBytes),
  }
}

function decompress(lib: ZstdModule, bytes: Uint8Array, maxBytes: number): Uint8Array {
  const { size, bound } = measure(bufferOf(bytes))
  if ((size ?? 0) > maxBytes) throw tooLong(maxBytes)
  try {
    return lib.decompress(bytes, { defaultHeapSize: Math.min(bound, maxBytes) })
  } catch (error) {
    if (size === undefined && bound > maxBytes) throw tooLong(maxBytes)
    throw new DecodeError('The zstd data is broken', { cause: error })
  }
}

const MAGIC = 0xfd2fb528
const MAX_BLOCK = 128 * 1024
const RLE_BLOCK = 1
const COMPRESSED_BLOCK = 2

/** What a frame says of its size, if it does, and the most that its blocks can become. */
interface Measure {
  readonly size: number | undefined
  readonly bound: number
}

/** Reads over one frame. Throws `DecodeError` for anything else, and where something follows. */
function measure(bytes: Buffer): Measure {
  try {
    if (bytes.readUInt32LE() !== MAGIC) throw new DecodeError('The zstd data is broken: it does not begin as it should')
    const flags = bytes.readUInt8(4)
    const isSingleSegment = (flags & 0x20) !== 0
    const dictionarySize = [0, 1, 2, 4][flags & 3] ?? 0
    const sizeSize = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0
    const sizeStart = 5 + (isSingleSegment ? 0 : 1) + dictionarySize
    const bound = measureBlocks(bytes, sizeStart + sizeSize, (flags & 4) === 0 ? 0 : 4)
    return { size: readSize(bytes, sizeStart, sizeSize), bound }
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError('The zstd data is broken: it ends too early', { cause: error })
  }
}

function readSize(bytes: Buffer, start: number, size: number): number | undefined {
  if (size === 0) return undefined
  if (size === 8) return Number(bytes.readBigUInt64LE(start))
  // Two bytes begin where one ends.
  return bytes.readUIntLE(start, size) + (size === 2 ? 256 : 0)
}

function measureBlocks(bytes: Buffer, start: number, checksumSize: number): number {
  let at = start
  let bound = 0
  for (let isLast = false; !isLast;) {
    const head = bytes.readUIntLE(at, 3)
    const type = (head >> 1) & 3
    const size = head >> 3
    isLast = (head & 1) === 1
    bound += type === COMPRESSED_BLOCK ? MAX_BLOCK : size
    at += 3 + (type === RLE_BLOCK ? 1 : size)
  }
  if (at + checksumSize !== bytes.length) throw new DecodeError('The zstd data is broken: it is no single frame')
  return bound
}
