/**
 * What kills leave behind: chords are worked off by two workers that are killed in turn, parent and children at once, with
 * SIGKILL, and started again; on a Redis that is itself killed once in a while, or on one SQLite file. Each body must run.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { chord } from 'celeriac'
import type { AsyncResult } from 'celeriac'
import { onStage } from './stage.ts'
import type { Stage, StoreName } from './stage.ts'

const WORKERS = ['-P prefork -c 4', '-P async -c 20']
const SHORTEST_LIFE_MS = 700
const LONGEST_LIFE_MS = 2500
/** Every so many kills the server is killed as well, where there is one. */
const SERVER_EVERY = 5
/** A body that has not run after so many seconds without a kill never will. */
const PATIENCE = 60

/** What became of the bodies. */
export interface Kills {
  readonly seconds: number
  readonly workerKills: number
  readonly serverKills: number
  /** Bodies that never ran to their end. */
  readonly lost: number
  /** Bodies that were sent more than once, as far as the sender lived to note it. */
  readonly sentTwice: number
  /** Bodies that were started more than once, for their worker was killed over them or they were sent twice. */
  readonly startedTwice: number
  /** Bodies that ended more than once: killed between the end and the acknowledgement, or sent twice. */
  readonly endedTwice: number
}

export async function measureKills(store: StoreName, chords: number, parts: number, kills: number): Promise<Kills> {
  return onStage(store === 'redis' ? 'breakable' : store, async (stage) => {
    const startedMs = performance.now()
    const results: AsyncResult[] = []
    for (let sent = 0; sent < chords; sent += 1) {
      const header = Array.from({ length: parts }, () => stage.app.signature('chords.latePart', [sent]))
      results.push(await chord(header, stage.app.signature('chords.lateBody')).delay())
    }
    const workers = WORKERS.map((options) => stage.startWorker(options))
    let serverKills = 0
    for (let done = 0; done < kills; done += 1) {
      await setTimeout(SHORTEST_LIFE_MS + Math.random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS))
      const index = done % WORKERS.length
      await workers[index]?.kill()
      if (stage.server !== undefined && done % SERVER_EVERY === SERVER_EVERY - 1) {
        await stage.server.kill()
        await stage.server.start()
        serverKills += 1
      }
      workers[index] = stage.startWorker(WORKERS[index] ?? '')
    }
    await Promise.allSettled(results.map((result) => result.get({ timeout: PATIENCE })))
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    await Promise.all(workers.map((worker) => worker.stop()))
    const facts = judge(stage, results)
    return { seconds, workerKills: kills, serverKills, ...facts }
  })
}

function judge(
  { folder }: Stage,
  results: readonly AsyncResult[],
): Pick<Kills, 'lost' | 'sentTwice' | 'startedTwice' | 'endedTwice'> {
  const counts = new Map<string, Record<string, number>>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.bodies'))) {
    for (const line of readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')) {
      const [event = '', id = ''] = line.split(' ')
      const count = counts.get(id) ?? {}
      count[event] = (count[event] ?? 0) + 1
      counts.set(id, count)
    }
  }
  const often = (event: string, least: number): number =>
    results.filter(({ id }) => (counts.get(id)?.[event] ?? 0) >= least).length
  return {
    lost: results.length - often('end', 1),
    sentTwice: often('send', 2),
    startedTwice: often('start', 2),
    endedTwice: often('end', 2),
  }
}
