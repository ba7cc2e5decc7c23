/** What the app's code puts on the timetable: its own entries, and Celery's for results that do not expire by themselves. */
import type { App } from '../app/app.ts'
import { defineEntry } from '../app/entry.ts'
import type { EntryDefinition } from '../app/entry.ts'
import { BACKEND_CLEANUP_TASK } from '../protocol/names.ts'

/** Celery's: every night, and no longer than until noon. */
const CLEANUP = { task: BACKEND_CLEANUP_TASK, schedule: '0 4 * * *', options: { expires: 12 * 3600 } }

/** All entries of the code. Rejects where the settings are wrong. */
export async function codeEntries(app: App): Promise<readonly EntryDefinition[]> {
  const { resultExpires, timezone } = await app.prepare()
  const entries = app.entries.all()
  if (resultExpires === null || resultExpires === 0) return entries
  if ((await app.backend()).features.autoExpire || entries.some(({ name }) => name === BACKEND_CLEANUP_TASK))
    return entries
  return [...entries, defineEntry(BACKEND_CLEANUP_TASK, CLEANUP, 'app', timezone)]
}
