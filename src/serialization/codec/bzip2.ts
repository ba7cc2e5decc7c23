/**
 * What both directions of bzip2 share: the numbers that the format fixes, and its checksum. Written here because no
 * package for it is maintained, does both directions and can be told to stop at a size.
 */

/** The first three bytes of a stream; the fourth is the block size in units of 100000 bytes, as a digit. */
export const STREAM_MAGIC = 'BZh'
/** Six bytes each, written as two halves: the digits of pi, and of its square root. */
export const BLOCK_MAGIC: readonly [number, number] = [0x314159, 0x265359]
export const END_MAGIC: readonly [number, number] = [0x177245, 0x385090]

export const BLOCK_UNIT = 100_000
/** So many symbols at a time use the same code. */
export const GROUP_SIZE = 50
/** The symbols below these are the digits of a run's length. */
export const RUN_A = 0
export const RUN_B = 1

/** CRC-32 with the highest bit first, unlike gzip's. */
const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc
})

/** The checksum after one more byte. Starts from -1; `finishCrc` makes it what the stream holds. */
export function addToCrc(crc: number, byte: number): number {
  return (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0)
}

export function finishCrc(crc: number): number {
  return ~crc >>> 0
}

/** The checksum of a stream after a block with this checksum. */
export function combineCrc(stream: number, block: number): number {
  return (((stream << 1) | (stream >>> 31)) ^ block) >>> 0
}
