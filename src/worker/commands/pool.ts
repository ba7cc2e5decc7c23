/** Commands about the slots of the pool: how many there are, and which processes they have. */
import { ImproperlyConfigured } from '../../errors.ts'
import { optionalInteger, toNumber } from './arguments.ts'
import type { Command } from './command.ts'

const poolGrow: Command = {
  name: 'pool_grow',
  kind: 'control',
  args: [{ name: 'n', cast: toNumber }],
  signature: '[N=1]',
  help: 'Have so many more slots.',
  run: async ({ slots }, args) => {
    await slots.grow(optionalInteger(args, 'n', 1) ?? 1)
    return { ok: 'pool will grow' }
  },
}

const poolShrink: Command = {
  name: 'pool_shrink',
  kind: 'control',
  args: [{ name: 'n', cast: toNumber }],
  signature: '[N=1]',
  help: 'Have so many fewer slots. What runs in them ends first.',
  run: ({ slots, app }, args) => {
    // Not waited for: a task that runs may take for ever, and what cannot be is refused at once.
    const shrunk = slots.shrink(optionalInteger(args, 'n', 1) ?? 1)
    return settledSoon(shrunk, (error) => {
      app.logger.error('The pool could not shrink', { error })
    }).then(() => ({ ok: 'pool will shrink' }))
  },
}

const poolRestart: Command = {
  name: 'pool_restart',
  kind: 'control',
  help: 'Let new child processes take the place of all, with the code as it is now (needs workerPoolRestarts).',
  run: async ({ slots, app }) => {
    if (!app.conf.values.workerPoolRestarts) {
      throw new ImproperlyConfigured('Pool restarts are not enabled: set workerPoolRestarts to true')
    }
    await settledSoon(slots.restart(), (error) => {
      app.logger.error('The pool could not restart', { error })
    })
    return { ok: 'reload started' }
  },
}

const autoscale: Command = {
  name: 'autoscale',
  kind: 'control',
  args: [
    { name: 'max', cast: toNumber },
    { name: 'min', cast: toNumber },
  ],
  signature: '[max [min]]',
  help: 'Change between how many slots a worker with --autoscale chooses.',
  run: ({ autoscaler }, args) => {
    if (autoscaler === undefined)
      throw new ImproperlyConfigured('Autoscale is not enabled: start the worker with --autoscale')
    const max = optionalInteger(args, 'max')
    const min = optionalInteger(args, 'min')
    const now = autoscaler.update({ ...(max === undefined ? {} : { max }), ...(min === undefined ? {} : { min }) })
    return { ok: `autoscale now max=${String(now.max)} min=${String(now.min)}` }
  },
}

/** All of them. */
export const poolCommands: readonly Command[] = [poolGrow, poolShrink, poolRestart, autoscale]

/** Rejects where `work` is refused at once; what becomes of it later only `onLate` learns. */
async function settledSoon(work: Promise<void>, onLate: (error: unknown) => void): Promise<void> {
  let answered = false
  const guarded = work.catch((error: unknown) => {
    if (answered) onLate(error)
    else throw error
  })
  await Promise.race([guarded, new Promise((resolve) => setImmediate(resolve))])
  answered = true
}
