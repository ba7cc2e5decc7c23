import { availableParallelism, hostname } from 'node:os'
import { expect, it } from 'vitest'
import { Config } from '../../../src/app/config.ts'
import { Queues } from '../../../src/app/queues.ts'
import type { SettingsInput } from '../../../src/app/settings.ts'
import { workerFacts } from '../../../src/worker/options.ts'
import type { WorkerFacts } from '../../../src/worker/facts.ts'
import type { WorkerOptions } from '../../../src/worker/options.ts'

function factsOf(options: WorkerOptions, settings: SettingsInput = {}): WorkerFacts {
  const { values } = new Config({ explicit: settings, env: {} })
  return workerFacts(options, values, new Queues(values))
}

it('takes from the settings, and from the machine, what the options leave out', () => {
  expect(factsOf({})).toMatchObject({ hostname: `celery@${hostname()}`, pool: 'prefork' })
  expect(factsOf({}).concurrency).toBe(availableParallelism())
  expect(factsOf({}, { workerPool: 'solo', workerConcurrency: 3 })).toMatchObject({ pool: 'solo', concurrency: 3 })
})

it('takes the options first', () => {
  const options = { hostname: 'media@%h', pool: 'async', concurrency: 5 }
  expect(factsOf(options, { workerPool: 'solo', workerConcurrency: 3 })).toMatchObject({
    hostname: `media@${hostname()}`,
    pool: 'async',
    concurrency: 5,
  })
})

it('consumes the queues that were chosen', () => {
  const settings = { taskQueues: ['a', 'b', 'c'] }
  const namesOf = (options: WorkerOptions): string[] => factsOf(options, settings).queues.map(({ name }) => name)
  expect(namesOf({})).toEqual(['a', 'b', 'c'])
  expect(namesOf({ queues: ['b', 'new'] })).toEqual(['b', 'new'])
  expect(namesOf({ excludeQueues: ['b'] })).toEqual(['a', 'c'])
  expect(() => factsOf({ queues: ['new'] }, { ...settings, taskCreateMissingQueues: false })).toThrow('Cannot select')
})

it('begins with the smallest number where the pool is scaled', () => {
  expect(factsOf({ autoscale: { max: 8, min: 2 }, concurrency: 5 })).toMatchObject({
    concurrency: 2,
    autoscale: { max: 8, min: 2 },
  })
  expect(() => factsOf({ autoscale: { max: 1, min: 2 } })).toThrow('Autoscaling needs')
  expect(() => factsOf({ autoscale: { max: 2, min: 1 }, pool: 'solo' })).toThrow('cannot be scaled')
})

it('refuses a number of tasks at a time that cannot be', () => {
  for (const concurrency of [0, -1, 1.5]) expect(() => factsOf({ concurrency })).toThrow('a whole number from 1 on')
})
