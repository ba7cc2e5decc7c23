/** CRC-64 as xz uses it. (CRC-32 is in `node:zlib`.) */

/** The lower and the upper halves of the table's entries. */
const LOW = new Uint32Array(256)
const HIGH = new Uint32Array(256)

for (let byte = 0; byte < 256; byte += 1) {
  let low = byte
  let high = 0
  for (let bit = 0; bit < 8; bit += 1) {
    const isOdd = (low & 1) === 1
    low = (low >>> 1) | ((high & 1) << 31)
    high >>>= 1
    if (isOdd) {
      low ^= 0xd7870f42
      high ^= 0xc96c5795
    }
  }
  LOW[byte] = low
  HIGH[byte] = high
}

/** The checksum of all of `bytes`. */
export function crc64(bytes: Uint8Array): bigint {
  let low = 0xffffffff
  let high = 0xffffffff
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff
    low = ((low >>> 8) | (high << 24)) ^ (LOW[index] ?? 0)
    high = (high >>> 8) ^ (HIGH[index] ?? 0)
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0)
}
