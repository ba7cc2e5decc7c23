import { expect, it } from 'vitest'
import { readableTable } from '../../../../src/driver/amqp/table.ts'

const int = (value: number): object => ({ '!': 'int', value })

it('writes numbers of two bytes with four, wherever they stand', () => {
  const table = { clock: 128, low: -129, most: 32_767, least: -32_768, timelimit: [300, null], stamps: { a: { b: [1, 200] } } } // prettier-ignore
  expect(readableTable(table)).toEqual({
    clock: int(128),
    low: int(-129),
    most: int(32_767),
    least: int(-32_768),
    timelimit: [int(300), null],
    stamps: { a: { b: [1, int(200)] } },
  })
  expect(table.clock).toBe(128)
})

it('leaves all else as it is', () => {
  const table = { a: 127, b: -128, c: 32_768, d: 1e12, e: 200.5, f: 'x', g: null, h: [1, 'y'], i: Buffer.from('z'), j: { k: true } } // prettier-ignore
  expect(readableTable(table)).toBe(table)
})
