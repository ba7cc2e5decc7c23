/** Tasks that note in a file when they start and when they end, so that nothing has to be believed. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Celery } from 'celeriac'
import type { Task } from 'celeriac'

export const app: Celery = new Celery('durability')

const LONGEST_MS = 8
const journal = join(process.env['CELERIAC_BENCH_JOURNAL'] ?? '.', `${String(process.pid)}.journal`)

/** One line; a process that is killed leaves whole lines only. */
function note(event: 'start' | 'end', number: number): void {
  appendFileSync(journal, `${event} ${String(number)} ${String(Date.now())}\n`)
}

async function work(number: number): Promise<number> {
  note('start', number)
  await setTimeout(Math.random() * LONGEST_MS)
  note('end', number)
  return number
}

export const late: Task<[number], number> = app.task(
  'durability.late',
  { acksLate: true, rejectOnWorkerLost: true },
  work,
)
export const early: Task<[number], number> = app.task('durability.early', work)
