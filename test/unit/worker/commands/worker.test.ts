import { expect, it } from 'vitest'
import { workerCommands } from '../../../../src/worker/commands/worker.ts'
import { commandTarget } from '../../../support/command-target.ts'

it('answers a ping, and stops without an answer', () => {
  const { worker, trail } = commandTarget()
  const run = (name: string): unknown => workerCommands.find((command) => command.name === name)?.run(worker, {})
  expect(run('ping')).toEqual({ ok: 'pong' })
  expect([run('shutdown'), trail]).toEqual([undefined, [['stop', undefined]]])
})
