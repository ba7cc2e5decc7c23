/** Which file called: relative task modules start there, and children of a worker import their app from there. */
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The file of the first frame of `stack` outside of this package, as an absolute path; undefined where there is none,
 * as in a REPL. `ownFolder` is where this package's own modules lie.
 */
export function callSite(stack: string | undefined, ownFolder: string): string | undefined {
  for (const line of stack?.split('\n').slice(1) ?? []) {
    const file = fileOf(line)
    if (file !== undefined && !file.startsWith(ownFolder + sep)) return file
  }
  return undefined
}

/** `at new X (file:///a/b.ts:1:2)`, `at /a/b.ts:1:2`, `at async file:///a/b.js:1:2`. */
function fileOf(line: string): string | undefined {
  const match = /(?:\(|at (?:async )?)((?:file:\/\/)?\/.*?):\d+:\d+\)?$/.exec(line.trimEnd())
  const place = match?.[1]
  if (place === undefined) return undefined
  return place.startsWith('file://') ? fileURLToPath(place) : place
}
