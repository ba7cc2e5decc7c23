/** What tasks noted about their own starts and ends, over all processes that ran them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Unix times in milliseconds, in order. */
export interface Runs {
  readonly starts: number[]
  readonly ends: number[]
}

/** Runs by the task's number. */
export function readJournals(folder: string): Map<number, Runs> {
  const runs = new Map<number, Runs>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.journal'))) {
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      const [event, number, time] = line.split(' ')
      if (time === undefined) continue
      const run = runs.get(Number(number)) ?? { starts: [], ends: [] }
      runs.set(Number(number), run)
      ;(event === 'start' ? run.starts : run.ends).push(Number(time))
    }
  }
  for (const { starts, ends } of runs.values()) {
    starts.sort((one, other) => one - other)
    ends.sort((one, other) => one - other)
  }
  return runs
}
