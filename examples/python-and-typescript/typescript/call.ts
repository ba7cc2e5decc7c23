/** A TypeScript program that uses tasks of both languages. */
import { TaskError } from 'celeriac'
import { app } from './app.ts'
import { lengths } from './tasks.ts'

/** What `stats.summary` answers. */
interface Summary {
  readonly count: number
  readonly mean: number
  readonly deviation: number
  readonly median: number
}

const text = 'セロリはセリ科の植物で、野菜として食べられる。'

// The task in Python follows the one here, on its own queue, with its result as the argument.
const summary = app.signature('stats.summary', [], { taskId: app.newId() })
const counted = await lengths.applyAsync([text, 'ja'], { link: summary })
console.log('lengths:', (await counted.get({ timeout: 10 })).join(' '))
console.log('summary:', await app.asyncResult<Summary>(summary.id ?? '').get({ timeout: 10 }))

const failed = await app.sendTask('stats.summary', [[1]])
const error = await failed.get({ timeout: 10, propagate: false })
if (error instanceof TaskError) console.log('error:', `${error.module ?? ''}.${error.name}: ${error.message}`)

await app.close()
