/**
 * What is in node_modules, or in the folder that is named? Sends one task for each file, to a worker that runs beside
 * this program, and reports what the tasks found. Then a chord counts the words of the documents. Tasks and results lie in a temporary folder that is gone at the end,
 * also after Ctrl-C.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { drawWords, findFrequentWords } from '../map-reduce/frequent-words.ts'
import { app } from './app.ts'
import { findFiles } from './find-files.ts'
import { ProgressBar } from './progress-bar.ts'
import { report } from './report.ts'
import { inspectFile } from './tasks.ts'
import type { FileFacts } from './tasks.ts'
import { startWorker } from './worker.ts'

const interrupted = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal))).then(() => {
  throw new Error('Interrupted.')
})

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, '../../node_modules'))
const files = findFiles(folder)
console.log(`${files.length.toLocaleString('en')} files in ${basename(folder)}, one task for each.`)

// The default broker is a file in the working directory.
const workplace = mkdtempSync(join(tmpdir(), 'celeriac-demo-'))
process.chdir(workplace)
const worker = startWorker(workplace)

try {
  await Promise.race([showAll(), interrupted, worker.lost])
} catch (error) {
  console.error(`\n${String(error)}`)
  process.exitCode = 1
} finally {
  await worker.stop()
  await app.close()
  rmSync(workplace, { recursive: true })
}

async function showAll(): Promise<void> {
  const facts = await timed(inspectAll)
  console.log(report(folder, facts.value, facts.seconds))
  // Licences are all alike.
  const documents = files.filter((file) => file.endsWith('.md') && !/licen[cs]e/i.test(file))
  if (documents.length === 0) return
  const words = await timed(() => findFrequentWords(documents, 8))
  console.log(`\n${drawWords(words.value, words.seconds)}`)
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const startedMs = performance.now()
  const value = await work()
  return { value, seconds: (performance.now() - startedMs) / 1000 }
}

async function inspectAll(): Promise<FileFacts[]> {
  const results = await Promise.all(files.map((file) => inspectFile.delay(file)))
  const bar = new ProgressBar(results.length)
  return Promise.all(
    results.map(async (result) => {
      const facts = await result.get()
      bar.step()
      return facts
    }),
  )
}
