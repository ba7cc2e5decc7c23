/** The two tasks: `countWords` maps, one document each; `mergeCounts` reduces what all of them found. */
import { readFile } from 'node:fs/promises'
import { app } from '../files/app.ts'

/** How often each word occurs. */
export type WordCounts = Readonly<Record<string, number>>

/** What there is to know about the words of all documents. */
export interface WordReport {
  readonly documents: number
  readonly words: number
  readonly distinct: number
  /** The most frequent ones, with the number of times. */
  readonly top: readonly (readonly [word: string, count: number])[]
}

/** Shorter words are mostly those that say nothing. */
const LONG_WORD = /\p{L}{6,}/gu

export const countWords = app.task('map-reduce.countWords', async (path: string): Promise<WordCounts> => {
  const counts = new Map<string, number>()
  for (const [word] of (await readFile(path, 'utf8')).toLowerCase().matchAll(LONG_WORD)) add(counts, word, 1)
  return Object.fromEntries(counts)
})

export const mergeCounts = app.task('map-reduce.mergeCounts', (all: readonly WordCounts[], top: number): WordReport => {
  const totals = new Map<string, number>()
  for (const counts of all) for (const [word, count] of Object.entries(counts)) add(totals, word, count)
  const sorted = [...totals].sort(([, one], [, other]) => other - one)
  return {
    documents: all.length,
    words: sorted.reduce((sum, [, count]) => sum + count, 0),
    distinct: sorted.length,
    top: sorted.slice(0, top),
  }
})

function add(counts: Map<string, number>, word: string, count: number): void {
  counts.set(word, (counts.get(word) ?? 0) + count)
}
