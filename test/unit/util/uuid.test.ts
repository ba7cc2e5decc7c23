import { describe, expect, it } from 'vitest'
import { uuid5, uuid7 } from '../../../src/util/uuid.ts'

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

describe('uuid5', () => {
  it('is what RFC 9562 and Python make of a name', () => {
    const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
    expect(uuid5(dns, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
    expect(uuid5(dns, 'python.org')).toBe('886313e1-3b8a-5372-9b90-0c9aee199e5d')
  })
})
