/**
 * The compressions that kombu knows, under its names and MIME types. Every one stops while it decompresses when there
 * would be more than a limit, so that a short message cannot take up all memory. The formats that Node does not know are
 * in `codec/`.
 */
import { brotliCompressSync, brotliDecompressSync, constants, deflateSync, unzipSync } from 'node:zlib'
import { DecodeError, SerializationError } from '../errors.ts'
import { messageOf } from './body.ts'
import { decompressBzip2 } from './codec/bzip2-decode.ts'
import { compressBzip2 } from './codec/bzip2-encode.ts'
import { tooLong } from './codec/output.ts'
import { compressXz, decompressXz } from './codec/xz.ts'
import { loadZstd, nodeZstd } from './codec/zstd.ts'
import type { Zstd } from './codec/zstd.ts'

/** SEAM Compression: bytes to fewer bytes and back. */
export interface Compression {
  /** The name used in settings, such as `gzip`. */
  readonly name: string
  /** Other names for it. */
  readonly aliases?: readonly string[]
  /** The MIME type on the wire, in the header `compression`. */
  readonly contentType: string
  compress(bytes: Uint8Array): Uint8Array
  /** Throws `DecodeError` for broken data and, while it decompresses, for more than `maxBytes`. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

/** A compression that needs to be loaded before it can be used. */
export interface CompressionSource extends Pick<Compression, 'name' | 'aliases' | 'contentType'> {
  load(): Promise<Compression>
}

/** kombu's "gzip" is a zlib stream without gzip's header. That is what is written; both are read. */
const gzip: Compression = {
  name: 'gzip',
  aliases: ['zlib'],
  contentType: 'application/x-gzip',
  compress: (bytes) => deflateSync(bytes),
  decompress: (bytes, maxBytes) => unzipSync(bytes, { maxOutputLength: maxBytes }),
}

const bzip2: Compression = {
  name: 'bzip2',
  aliases: ['bzip'],
  contentType: 'application/x-bz2',
  compress: compressBzip2,
  decompress: decompressBzip2,
}

const lzma: Compression = {
  name: 'lzma',
  aliases: ['xz'],
  contentType: 'application/x-lzma',
  compress: compressXz,
  decompress: decompressXz,
}

const brotli: Compression = {
  name: 'brotli',
  contentType: 'application/x-brotli',
  // The highest quality, brotli's default, takes a second for each megabyte: too long to stand still for.
  compress: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  decompress: (bytes, maxBytes) => brotliDecompressSync(bytes, { maxOutputLength: maxBytes }),
}

const ZSTD = { name: 'zstd', aliases: ['zstandard'], contentType: 'application/zstd' } as const

/** All of them. `providedZstd` is the module of `@bokuweb/zstd-wasm`, for Node before 22.15. */
export function standardCompressions(providedZstd?: unknown): readonly (Compression | CompressionSource)[] {
  const builtIn = nodeZstd()
  const zstd =
    builtIn === undefined ? { ...ZSTD, load: async () => withNames(await loadZstd(providedZstd)) } : withNames(builtIn)
  return [gzip, bzip2, lzma, brotli, zstd]
}

function withNames(zstd: Zstd): Compression {
  return { ...ZSTD, ...zstd }
}

/** Decompress with clear errors, whatever the compression throws. */
export function decompress(compression: Compression, bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return compression.decompress(bytes, maxBytes)
  } catch (error) {
    if (error instanceof SerializationError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(maxBytes)
    throw new DecodeError(`The body is not valid ${compression.name}: ${messageOf(error)}`, { cause: error })
  }
}
