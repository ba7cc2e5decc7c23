/** The ways to declare a task: `task(name, fn)`, `task(name, options, fn)` and `task(fn)`. */
import { ImproperlyConfigured } from '../errors.ts'
import { checkTaskOptions } from '../task/options.ts'
import type { TaskOptions } from '../task/options.ts'
import { checkSchema } from '../task/schema.ts'
import type { TaskFunction } from '../task/task.ts'

/** What was declared. */
export interface Declaration {
  readonly name: string
  readonly options: TaskOptions
  readonly fn: TaskFunction
}

/** Sort out what `app.task` was given; `main` begins automatic names. Throws `ImproperlyConfigured`. */
export function readDeclaration(
  main: string,
  first: string | TaskFunction,
  second: TaskOptions | TaskFunction | undefined,
  third: TaskFunction | undefined,
): Declaration {
  const name = typeof first === 'string' ? first : automaticName(main, first)
  const fn = typeof first === 'function' ? first : typeof second === 'function' ? second : third
  const options = typeof second === 'object' ? second : {}
  if (name === '') throw new ImproperlyConfigured('A task needs a name: app.task("proj.add", (x, y) => x + y)')
  if (typeof fn !== 'function') {
    throw new ImproperlyConfigured(`The task ${name} needs a function: app.task("${name}", options, (x, y) => x + y)`)
  }
  checkTaskOptions(name, options)
  if (options.schema !== undefined) checkSchema(name, options.schema)
  return { name, options, fn }
}

function automaticName(main: string, fn: TaskFunction): string {
  if (fn.name !== '') return `${main}.${fn.name}`
  throw new ImproperlyConfigured('app.task(fn) takes its name from the function, and this one has none: give it one')
}
