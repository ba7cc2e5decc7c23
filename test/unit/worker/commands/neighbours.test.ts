import { describe, expect, it } from 'vitest'
import { InvalidTaskError } from '../../../../src/errors.ts'
import { clock, election, hello } from '../../../../src/worker/commands/neighbours.ts'
import { commandTarget } from '../../../support/command-target.ts'

describe('hello', () => {
  it('tells what is revoked and the clock, and learns', () => {
    const target = commandTarget().worker
    target.state.revoked.add('mine')
    const answer = hello.run(target, { from_node: 'b@h', revoked: { theirs: [1.5, 'theirs'] } })
    expect(target.state.revoked.values()).toEqual(['mine', 'theirs'])
    const time = expect.any(Number) as number
    expect(answer).toEqual({ revoked: { mine: [time, 'mine'], theirs: [time, 'theirs'] }, clock: 1 })
  })

  it('answers null to its own name', () => {
    expect(hello.run(commandTarget().worker, { from_node: 'celery@test' })).toBeNull()
  })
})

it('clock tells the time', () => {
  const { worker } = commandTarget()
  worker.app.logicalClock.adjust(41)
  expect(clock.run(worker, {})).toEqual({ clock: 42 })
})

it('election takes part in one, and answers nothing', () => {
  const { worker, trail } = commandTarget()
  expect(election.run(worker, { id: 'e1', topic: 'task', action: { task: 'x' } })).toBeUndefined()
  expect(trail).toEqual([['election', 'e1', 'task', { task: 'x' }]])
  expect(() => election.run(worker, { id: 'e1' })).toThrow(InvalidTaskError)
})
