/**
 * What is in node_modules? Sends one task for each file, to a worker that runs beside this program, and reports what
 * the tasks found. Tasks and results lie in a temporary folder that is gone at the end, also after Ctrl-C.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

const files = findFiles(join(import.meta.dirname, '../../node_modules'))
console.log(`${String(files.length)} files in node_modules, one task for each.`)

const folder = mkdtempSync(join(tmpdir(), 'celeriac-demo-'))
process.chdir(folder)
const worker = startWorker(folder)

try {
  const startedMs = performance.now()
  const facts = await Promise.race([inspectAll(), interrupted, worker.lost])
  console.log(report(facts, (performance.now() - startedMs) / 1000))
} catch (error) {
  console.error(`\n${String(error)}`)
  process.exitCode = 1
} finally {
  await worker.stop()
  await app.close()
  rmSync(folder, { recursive: true })
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
