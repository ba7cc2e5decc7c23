import { expect, it } from 'vitest'
import { renderSvg } from '../../../src/cli/picture.ts'

it('makes a picture of a drawing', async () => {
  const svg = await renderSvg('digraph { "a \\"b\\"" -> c }')
  expect(svg).toMatch(/<svg[^]*>a &quot;b&quot;<[^]*<\/svg>/)
})

it('says what is wrong with a drawing', async () => {
  await expect(renderSvg('digraph {')).rejects.toThrow(/syntax error/)
})
