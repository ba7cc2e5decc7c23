import { expect, it } from 'vitest'
import { slotOf } from '../../../../src/driver/redis/slots.ts'

it('finds the slot as the cluster specification does', () => {
  // The first is the specification's own check: CRC16 of 123456789 is 0x31C3.
  expect(slotOf('123456789')).toBe(0x31c3 % 16384)
  expect(slotOf('foo')).toBe(12182)
  expect(slotOf('é🥕')).toBe(slotOf('x{é🥕}y'))
})

it('looks at the first hash tag only, where it is not empty', () => {
  expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'))
  expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'))
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'))
  expect(slotOf('foo{}{bar}')).not.toBe(slotOf('bar'))
})
