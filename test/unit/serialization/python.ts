/** Python, where it is installed: tests ask it whether the other side agrees. Recorded bytes say so everywhere else. */
import { spawnSync } from 'node:child_process'

const CANDIDATES: readonly string[] = ['python3', '/usr/bin/python3']

/** A Python that has all of `modules`, or undefined. */
export function findPython(...modules: string[]): string | undefined {
  const program = modules.length === 0 ? 'pass' : `import ${modules.join(', ')}`
  return CANDIDATES.find((python) => spawnSync(python, ['-c', program]).status === 0)
}

/** What `program` writes to its standard output. Throws what it writes to its standard error, where it fails. */
export function runPython(python: string, program: string, input: string | Uint8Array = ''): Buffer {
  const { status, stdout, stderr } = spawnSync(python, ['-c', program], { input, maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(stderr.toString())
  return stdout
}
