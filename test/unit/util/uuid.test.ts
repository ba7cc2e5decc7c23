import { describe, expect, it } from 'vitest'
import { uuid7 } from '../../../src/util/uuid.ts'

describe('uuid7', () => {
  it('is a version 7 UUID with the time in front', () => {
    const id = uuid7(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
  })

  it('is ordered by time and never the same twice', () => {
    expect(uuid7(1000) < uuid7(2000)).toBe(true)
    expect(new Set(Array.from({ length: 10_000 }, () => uuid7(1000))).size).toBe(10_000)
  })
})
