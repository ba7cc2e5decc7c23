/** The tasks of the chord bench: they do nothing, tell what time it is, or note in a file what became of them. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Celery } from 'celeriac'
import type { TaskContext } from 'celeriac'

export const app: Celery = new Celery('chords')

app.task('chords.part', (number: number) => number)
app.task('chords.body', (numbers: readonly number[]) => numbers.length)

/** Unix time in milliseconds, with its fractions. */
function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

// The two halves of a stopwatch: when each part ended, and how long after the last of them the body began.
app.task('chords.now', nowMs)
app.task('chords.since', (times: readonly number[]) => nowMs() - Math.max(...times))

// What is killed must come again, and what came again must show.
const LONGEST_MS = 8
const LATE = { acksLate: true, rejectOnWorkerLost: true }
const journal = join(process.env['CELERIAC_BENCH_JOURNAL'] ?? '.', `${String(process.pid)}.bodies`)

/** One line; a process that is killed leaves whole lines only. */
function note(event: 'send' | 'start' | 'end', id: string): void {
  appendFileSync(journal, `${event} ${id}\n`)
}

app.task('chords.latePart', LATE, async (number: number) => {
  await setTimeout(Math.random() * LONGEST_MS)
  return number
})
app.task('chords.lateBody', { ...LATE, bind: true }, (self: TaskContext, numbers: readonly number[]) => {
  note('start', self.request.id)
  note('end', self.request.id)
  return numbers.length
})
// Told once the broker has it.
if (process.env['CELERIAC_BENCH_JOURNAL'] !== undefined) {
  app.signals.on('after-task-publish', ({ task, taskId }) => {
    if (task === 'chords.lateBody') note('send', taskId)
  })
}
