/** Folders for tests. They lie in the folder of this test run, which is removed when the run ends (`global-setup.ts`). */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

/** A new, empty folder; its absolute path. Nobody has to remove it. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(inject('temporaryDirectory'), 'test-'))
}
