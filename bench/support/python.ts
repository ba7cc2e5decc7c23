/** Python with Celery, where this machine has it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Debian's own first: a Python that the user put before it does not see Debian's packages. */
const PYTHONS = ['/usr/bin/python3', 'python3']

/** The Python that can import Celery and its Redis client; undefined where there is none. */
export async function findPython(): Promise<string | undefined> {
  for (const python of PYTHONS) {
    try {
      await promisify(execFile)(python, ['-c', 'import celery, redis'])
      return python
    } catch {
      // Not this one.
    }
  }
  return undefined
}
