import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SideFile } from '../../../../src/driver/sqlite/side-file.ts'
import { Turns } from '../../../../src/driver/sqlite/turns.ts'
import { temporaryFile } from '../../../support/sqlite.ts'

describe('turns', () => {
  let nowMs = 1_000_000
  let path: string
  beforeEach(() => {
    path = temporaryFile()
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  function make(): Turns {
    return new Turns(new SideFile(path))
  }

  /** Write without a pause for so long; answers the pause that was asked for. */
  function writeFor(turns: Turns, ms: number): number {
    for (const endMs = nowMs + ms; nowMs < endMs;) {
      const pauseMs = turns.pauseMs()
      if (pauseMs > 0) return pauseMs
      nowMs += 0.5
      turns.left()
    }
    return 0
  }

  it('last as long as nobody waits', () => {
    expect(writeFor(make(), 100)).toBe(0)
  })

  it('end after a while when somebody waits, once for each note', () => {
    const [busy, waiting] = [make(), make()]
    expect(writeFor(busy, 1)).toBe(0)
    expect(waiting.collided()).toBeGreaterThan(0)
    const startMs = nowMs
    expect(writeFor(busy, 100)).toBeGreaterThan(2)
    expect(nowMs - startMs).toBeLessThan(20)
    nowMs += 5
    // Whoever left the note has died: it left no other.
    expect(writeFor(busy, 100)).toBe(0)
  })

  it('begin when the lock was had, and the note is gone then', () => {
    const [busy, waiting] = [make(), make()]
    waiting.collided()
    waiting.entered()
    waiting.left()
    expect(writeFor(busy, 100)).toBe(0)
  })

  it('are not given up for the sake of oneself', () => {
    const turns = make()
    turns.collided()
    expect(writeFor(turns, 100)).toBe(0)
  })

  it('are not given up by those who pause anyway', () => {
    const [sometimes, waiting] = [make(), make()]
    waiting.collided()
    for (let count = 0; count < 20; count += 1) {
      expect(sometimes.pauseMs()).toBe(0)
      nowMs += 1
      sometimes.left()
      nowMs += 5
    }
  })

  it('are asked for often, and after seconds less often', () => {
    const turns = make()
    const delays = (): number[] => Array.from({ length: 200 }, () => turns.collided())
    expect(Math.max(...delays())).toBe(2)
    nowMs += 6_000
    expect(Math.max(...delays())).toBeGreaterThan(8)
  })
})
