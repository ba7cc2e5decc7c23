/** The one task: look closely at a file. It runs in a child process of the worker, one of them for each processor. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { app } from './app.ts'

/** What there is to know about a file. */
export interface FileFacts {
  readonly path: string
  readonly bytes: number
  readonly gzipped: number
  readonly lines: number
  readonly words: number
  readonly sha256: string
}

export const inspectFile = app.task('files.inspectFile', async (path: string): Promise<FileFacts> => {
  const content = await readFile(path)
  const text = content.toString()
  return {
    path,
    bytes: content.length,
    gzipped: gzipSync(content).length,
    lines: text.match(/\n/g)?.length ?? 0,
    words: text.match(/\S+/g)?.length ?? 0,
    sha256: createHash('sha256').update(content).digest('hex'),
  }
})
