/** Daemons that a test starts: processes that nobody waits for, known by their pidfiles. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { waitFor } from './wait-for.ts'

/** The process id in this file; undefined where there is none. */
export function pidIn(file: string): number | undefined {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined
}

/** Does it still run? */
export function runs(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

/** Kill what the pidfiles in this folder name, when the test ends. */
export function killDaemonsIn(folder: string): void {
  onTestFinished(async () => {
    const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pid')) : []
    for (const name of files) {
      const pid = pidIn(join(folder, name))
      if (pid === undefined || !runs(pid)) continue
      process.kill(pid, 'SIGKILL')
      await waitFor(() => !runs(pid))
    }
  })
}
