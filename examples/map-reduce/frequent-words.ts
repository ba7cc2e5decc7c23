/**
 * Map and reduce as a chord: the header is one `countWords` for each document, run wherever there is room; the body is
 * `mergeCounts`, which is sent once, with the list of all counts, when the last of them is there. Nobody waits meanwhile.
 */
import { chord } from 'celeriac'
import { countWords, mergeCounts } from './tasks.ts'
import type { WordReport } from './tasks.ts'

const BAR_WIDTH = 30

/** The `top` most frequent words of these documents. */
export async function findFrequentWords(documents: readonly string[], top: number): Promise<WordReport> {
  const header = documents.map((path) => countWords.s(path))
  const result = await chord(header, mergeCounts.s(top)).delay()
  return result.get()
}

/** The report for people: a bar for each word. */
export function drawWords({ documents, words, distinct, top }: WordReport, seconds: number): string {
  const most = top[0]?.[1] ?? 1
  const longest = Math.max(...top.map(([word]) => word.length))
  const numbers = `${whole(words)} long words, ${whole(distinct)} different ones`
  return [
    `A chord counts the words of ${whole(documents)} documents, one task for each, and a last task merges them:`,
    ...top.map(([word, count]) => {
      const bar = '█'.repeat(Math.max(1, Math.round((count / most) * BAR_WIDTH)))
      return `${word.padEnd(longest)} ${whole(count).padStart(7)} ${bar}`
    }),
    `${numbers}, in ${seconds.toFixed(1)} s`,
  ].join('\n')
}

function whole(value: number): string {
  return value.toLocaleString('en')
}
