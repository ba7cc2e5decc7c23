import { expect, it } from 'vitest'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { ResultGraph } from '../../../src/result/graph.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import type { Result, ResultHost } from '../../../src/result/result.ts'

const host: ResultHost = { backend: () => Promise.reject(new Error('none')), revoke: () => Promise.resolve() }

it('is an object and a drawing', () => {
  const [root, a] = [new AsyncResult('root', host), new AsyncResult('a "x"', host)]
  const group: Result = new GroupResult('g', [a], host)
  // Two callers of one task, and one that called it twice.
  const graph = new ResultGraph([
    [undefined, root],
    [root, a],
    [root, group],
    [group, a],
    [root, a],
  ])
  expect([...graph.nodes.keys()]).toEqual(['root', 'a "x"', 'g'])
  expect(graph.nodes.get('g')).toBe(group)
  expect(Object.fromEntries(graph.edges)).toEqual({ root: ['a "x"', 'g'], 'a "x"': [], g: ['a "x"'] })
  expect(graph.toDot()).toBe(`digraph dependencies {
    "root" [shape=oval, style=filled, fillcolor=palegreen3]
    "a \\"x\\"" [shape=oval, style=filled, fillcolor=palegreen1]
    "g" [shape=box, style=filled, fillcolor=palegreen3]
    "root" -> "a \\"x\\""
    "root" -> "g"
    "g" -> "a \\"x\\""
}
`)
})
