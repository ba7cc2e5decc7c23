import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OutputLines } from '../../../src/util/output-lines.ts'

function linesOf(...pieces: string[]): string[] {
  const lines: string[] = []
  const output = new OutputLines((line) => lines.push(line))
  for (const piece of pieces) output.push(piece)
  output.end()
  return lines
}

describe('OutputLines', () => {
  it('cuts text into lines, however it comes', () => {
    expect(linesOf('one\ntw', 'o\nthr', 'ee')).toEqual(['one', 'two', 'three'])
    expect(linesOf('one\r\ntwo \n')).toEqual(['one', 'two'])
  })

  it('drops empty lines', () => {
    expect(linesOf('\n\none\n\n', '\n  \n')).toEqual(['one'])
  })

  it('gives the last line when the output ends', () => {
    const lines: string[] = []
    const output = new OutputLines((line) => lines.push(line))
    output.push('half')
    expect(lines).toEqual([])
    output.end()
    expect(lines).toEqual(['half'])
    output.end()
    expect(lines).toEqual(['half'])
  })

  it('does not gather output without line ends', () => {
    const lines: string[] = []
    const output = new OutputLines((line) => lines.push(line))
    for (let index = 0; index < 100; index += 1) output.push('x'.repeat(1000))
    expect(lines.join('').length).toBeGreaterThan(80_000)
    output.end()
    expect(lines.join('')).toBe('x'.repeat(100_000))
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(20_000)
  })

  it('gives the same lines for all cuts of the same text', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'ä', '\n', ' ', '€') })
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 20 })), (whole, cuts) => {
        const pieces: string[] = []
        let rest = whole
        for (const cut of cuts) {
          pieces.push(rest.slice(0, cut))
          rest = rest.slice(cut)
        }
        expect(linesOf(...pieces, rest)).toEqual(linesOf(whole))
      }),
    )
  })
})
