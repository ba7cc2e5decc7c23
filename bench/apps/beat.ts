/** A beat of the bench, in a process of its own: says when it leads, and what it has used when it is asked. */
import { Celery } from 'celeriac'

const startedMs = performance.now()
const { BEAT_ENTRIES = '0', BEAT_EVERY = '60', BEAT_FILE = 'celerybeat-schedule' } = process.env
const app = new Celery('bench', { beatScheduleFilename: BEAT_FILE, taskIgnoreResult: true })
for (let number = 0; number < Number(BEAT_ENTRIES); number += 1) {
  const name = `entry ${String(number)}`
  app.addPeriodicTask(Number(BEAT_EVERY), app.signature('bench.tick'), { name, catchUp: { every: 100_000 } })
}
const beat = app.beat()
await beat.start()
const looking = setInterval(() => {
  if (!beat.isLeading) return
  clearInterval(looking)
  process.send?.({ leads: true, afterMs: performance.now() - startedMs })
}, 5)

process.on('message', (order) => {
  if (order === 'usage')
    process.send?.({ usage: process.cpuUsage(), megabytes: process.memoryUsage.rss() / 1024 / 1024 })
  else
    void beat
      .stop()
      .then(() => app.close())
      .then(() => process.exit(0))
})
