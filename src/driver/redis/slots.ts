/** Which of a cluster's 16384 slots a key is in: the rule of the Redis cluster specification. */

/** As many slots as there are. */
export const SLOT_COUNT = 16_384

/** CRC16 (XMODEM) of what is hashed, modulo the number of slots. */
export function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(hashedPart(key))) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
    crc &= 0xffff
  }
  return crc % SLOT_COUNT
}

/** The text between the first `{` and the next `}`, where there is any; else the whole key. */
function hashedPart(key: string): string {
  const start = key.indexOf('{')
  const end = key.indexOf('}', start + 1)
  return start === -1 || end <= start + 1 ? key : key.slice(start + 1, end)
}
