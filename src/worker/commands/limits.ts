/** Commands that change the limits of tasks while the worker runs. Other workers of the same app object change along. */
import { InvalidTaskError } from '../../errors.ts'
import { rateLimitOf } from '../../task/options.ts'
import type { TaskDefinition } from '../../task/task.ts'
import { repr } from '../../util/repr.ts'
import { optionalNumber, text, toNumber } from './arguments.ts'
import type { Command, CommandTarget } from './command.ts'

const timeLimit: Command = {
  name: 'time_limit',
  kind: 'control',
  args: [{ name: 'task_name' }, { name: 'soft', cast: toNumber }, { name: 'hard', cast: toNumber }],
  signature: '<task_name> <soft_secs> [hard_secs]',
  help: 'Change the time limits of a task, for those that start from now on.',
  run: (worker, args) => {
    const soft = optionalNumber(args, 'soft')
    const hard = optionalNumber(args, 'hard')
    if (soft !== undefined && hard !== undefined && soft > hard) {
      throw new InvalidTaskError('The soft time limit must not be longer than the hard one')
    }
    const definition = definitionOf(worker, text(args, 'task_name'))
    if (definition === undefined) return { error: 'unknown task' }
    definition.change({ softTimeLimit: soft, timeLimit: hard })
    worker.app.logger.info(
      `New time limits for tasks of type ${definition.name}: soft=${shown(soft)} hard=${shown(hard)}`,
    )
    return { ok: 'time limits set successfully' }
  },
}

const rateLimit: Command = {
  name: 'rate_limit',
  kind: 'control',
  args: [{ name: 'task_name' }, { name: 'rate_limit' }],
  signature: '<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>',
  help: 'Change how often a task may start in this worker; 0 is no limit.',
  run: (worker, args) => {
    const rate = readRate(args['rate_limit'])
    if (rate === 'wrong') return { error: `Invalid rate limit string: ${repr(args['rate_limit'])}` }
    const definition = definitionOf(worker, text(args, 'task_name'))
    if (definition === undefined) return { error: 'unknown task' }
    const { logger } = worker.app
    definition.change({ rateLimit: rate.limit })
    worker.resetRateLimit(definition.name, rate.limit)
    if (rate.limit === undefined) {
      logger.info(`Rate limits disabled for tasks of type ${definition.name}`)
      return { ok: 'rate limit disabled successfully' }
    }
    logger.info(`New rate limit for tasks of type ${definition.name}: ${String(rate.limit)}.`)
    return { ok: 'new rate limit set successfully' }
  },
}

/** All of them. */
export const limitCommands: readonly Command[] = [rateLimit, timeLimit]

/** Undefined and nothing are no limit, as in Celery. */
function readRate(given: unknown): { readonly limit: string | number | undefined } | 'wrong' {
  if (given === undefined || given === null) return { limit: undefined }
  if (typeof given !== 'string' && typeof given !== 'number') return 'wrong'
  try {
    return { limit: rateLimitOf(given) }
  } catch {
    return 'wrong'
  }
}

function definitionOf({ app }: CommandTarget, name: string): TaskDefinition | undefined {
  const definition = app.tasks.definition(name)
  if (definition === undefined) app.logger.error(`Change attempt for unknown task ${name}`)
  return definition
}

function shown(seconds: number | undefined): string {
  return seconds === undefined ? 'none' : String(seconds)
}
