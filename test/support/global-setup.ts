/** What surrounds a whole test run: the folder in which `temporaryDirectory()` makes its folders. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    temporaryDirectory: string
  }
}

/** Called by vitest before the first test; what it returns is called after the last. */
export default function setup(project: TestProject): () => void {
  // The real path, so that a test may compare it with what a process says of its working directory.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'celeriac-')))
  project.provide('temporaryDirectory', folder)
  return () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
