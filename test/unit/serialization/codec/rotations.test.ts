import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sortRotations } from '../../../../src/serialization/codec/rotations.ts'

/** The same by the definition. */
function slowly(block: Uint8Array): { last: number[]; first: string } {
  const text = Buffer.from(block).toString('latin1')
  const rotations = [...block.keys()].map((start) => text.slice(start) + text.slice(0, start)).sort()
  return { last: rotations.map((rotation) => rotation.charCodeAt(rotation.length - 1)), first: text }
}

/** Puts the block together again. */
function undo(last: Uint8Array, origin: number): Uint8Array {
  const order = [...last.keys()].sort((a, b) => (last[a] ?? 0) - (last[b] ?? 0) || a - b)
  let at = origin
  return Uint8Array.from(last, () => {
    at = order[at] ?? 0
    return last[at] ?? 0
  })
}

describe('sortRotations', () => {
  it('agrees with the definition', () => {
    const block = fc.oneof(fc.uint8Array({ minLength: 1 }), fc.uint8Array({ minLength: 1, max: 2, maxLength: 40 }))
    fc.assert(
      fc.property(block, (bytes) => {
        const { last, origin } = sortRotations(bytes)
        expect([...last]).toEqual(slowly(bytes).last)
        expect(undo(last, origin)).toEqual(bytes)
      }),
    )
  })

  it('is not slow for what repeats itself', () => {
    for (const bytes of [
      Buffer.alloc(200_000),
      Buffer.from('ab'.repeat(100_000)),
      Buffer.from(`${'a'.repeat(199_999)}b`),
    ]) {
      const start = performance.now()
      expect(sortRotations(bytes).last).toHaveLength(200_000)
      expect(performance.now() - start).toBeLessThan(3000)
    }
  })
})
