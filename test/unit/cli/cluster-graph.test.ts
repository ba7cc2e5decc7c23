import { describe, expect, it } from 'vitest'
import { clusterDot, type Cluster, type ClusterStyle } from '../../../src/cli/cluster-graph.ts'

const STYLE: ClusterStyle = { generic: false, enumerate: false, maxWorkers: 4, maxThreads: 3 }

function cluster(...concurrencies: readonly (number | undefined)[]): Cluster {
  const workers = concurrencies.map((concurrency, index) => ({ name: `w${String(index + 1)}@h`, concurrency }))
  return { broker: 'redis://h/0', backend: 'redis://h/1', workers }
}

/** The labels of nodes, in their order. */
function labels(dot: string): string[] {
  return [...dot.matchAll(/label="([^"]*)"/g)].map(([, label = '']) => label)
}

describe('clusterDot', () => {
  it('ties workers to broker and backend, and threads to workers', () => {
    const dot = clusterDot(cluster(2, undefined), STYLE)
    expect(dot).toMatch(/^digraph cluster \{\n[^]*\n\}\n$/)
    expect(labels(dot)).toEqual(['redis://h/0', 'redis://h/1', 'w1@h', '0', '1', 'w2@h'])
    expect([...dot.matchAll(/^ +(.* -> "[^"]*")/gm)].map(([, arrow]) => arrow)).toEqual([
      '"w1@h" -> "broker"',
      '"w1@h" -> "backend"',
      '"w1@h 0" -> "w1@h"',
      '"w1@h 1" -> "w1@h"',
      '"w2@h" -> "broker"',
      '"w2@h" -> "backend"',
    ])
  })

  it('does without a backend', () => {
    expect(clusterDot({ ...cluster(), backend: undefined }, STYLE)).not.toContain('backend')
  })

  it('draws the first, the last, and what stands for all between', () => {
    const many = clusterDot(cluster(...Array.from({ length: 15 }, () => undefined)), STYLE)
    expect(labels(many).slice(2)).toEqual(['w1@h', 'w2@h', 'W⎨…₁₂⎬', 'w15@h'])
    expect(labels(clusterDot(cluster(5), STYLE)).slice(3)).toEqual(['0', 'P⎨…₃⎬', '4'])
    expect(labels(clusterDot(cluster(5), { ...STYLE, maxThreads: 0 })).slice(3)).toHaveLength(5)
  })

  it('shows kinds and numbers instead of names', () => {
    const dot = clusterDot(cluster(1, 1), { ...STYLE, generic: true, enumerate: true })
    expect(labels(dot)).toEqual(['Broker (redis://)', 'Backend (redis://)', 'Worker₁', 'P₁', 'Worker₂', 'P₁'])
  })
})
