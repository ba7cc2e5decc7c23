import { expect, it } from 'vitest'
import { poolCommands } from '../../../../src/worker/commands/pool.ts'
import { commandTarget } from '../../../support/command-target.ts'
import type { CommandFixture } from '../../../support/command-target.ts'

async function run({ worker }: CommandFixture, name: string, args: Record<string, unknown> = {}): Promise<unknown> {
  return poolCommands.find((command) => command.name === name)?.run(worker, args)
}

it('changes how many slots there are', async () => {
  const fixture = commandTarget()
  expect(await run(fixture, 'pool_grow')).toEqual({ ok: 'pool will grow' })
  await run(fixture, 'pool_grow', { n: '2' })
  expect(await run(fixture, 'pool_shrink', { n: 4 })).toEqual({ ok: 'pool will shrink' })
  expect(fixture.trail).toEqual([
    ['resize', 4],
    ['resize', 6],
    ['resize', 2],
  ])
  await expect(run(fixture, 'pool_shrink', { n: 2 })).rejects.toThrow('one must stay')
  await expect(run(fixture, 'pool_grow', { n: 0 })).rejects.toThrow('a number from 1 on')
})

it('restarts the pool where the settings allow it', async () => {
  const fixture = commandTarget({ workerPoolRestarts: true })
  expect(await run(fixture, 'pool_restart')).toEqual({ ok: 'reload started' })
  expect(fixture.trail).toEqual(['restart'])
  await expect(run(commandTarget(), 'pool_restart')).rejects.toThrow('workerPoolRestarts')
})

it('does not wait for what takes long', async () => {
  const fixture = commandTarget({ workerPoolRestarts: true })
  let fail = (_error: Error): void => undefined
  Object.assign(fixture.worker.pool, { restart: () => new Promise((_, reject) => (fail = reject)) })
  expect(await run(fixture, 'pool_restart')).toEqual({ ok: 'reload started' })
  fail(new Error('late'))
  await Promise.resolve()
  await Promise.resolve()
  expect(fixture.logged).toEqual(['ERROR The pool could not restart'])
})

it('changes the range of the autoscaler', async () => {
  const fixture = commandTarget()
  await expect(run(fixture, 'autoscale', { max: 5 })).rejects.toThrow('--autoscale')
  const asked: object[] = []
  const autoscaler = {
    update: (range: object) => {
      asked.push(range)
      return { max: 10, min: 2 }
    },
  }
  const worker = { ...fixture.worker, autoscaler } as never
  const autoscale = poolCommands.find(({ name }) => name === 'autoscale')
  expect(autoscale?.run(worker, { max: 10, min: null })).toEqual({ ok: 'autoscale now max=10 min=2' })
  expect(asked).toEqual([{ max: 10 }])
})
