import { describe, expect, it } from 'vitest'
import { limitCommands } from '../../../../src/worker/commands/limits.ts'
import { commandTarget } from '../../../support/command-target.ts'
import type { CommandFixture } from '../../../support/command-target.ts'

function run({ worker }: CommandFixture, name: string, args: Record<string, unknown> = {}): unknown {
  return limitCommands.find((command) => command.name === name)?.run(worker, args)
}

describe('time_limit', () => {
  it('changes the limits of a task', () => {
    const fixture = commandTarget()
    fixture.app.task('proj.add', { timeLimit: 3 }, () => 1)
    const policy = () => fixture.app.tasks.definition('proj.add')?.policy
    expect(policy()?.timeLimit).toBe(3)
    const ok = { ok: 'time limits set successfully' }
    expect(run(fixture, 'time_limit', { task_name: 'proj.add', soft: 5, hard: 10 })).toEqual(ok)
    expect(policy()).toMatchObject({ softTimeLimit: 5, timeLimit: 10 })
    expect(run(fixture, 'time_limit', { task_name: 'proj.add', soft: 1, hard: null })).toEqual(ok)
    expect(policy()).toMatchObject({ softTimeLimit: 1, timeLimit: undefined })
    expect(fixture.logged.at(-1)).toBe('INFO New time limits for tasks of type proj.add: soft=1 hard=none')
  })

  it('refuses what it does not know and what cannot be', () => {
    const fixture = commandTarget()
    expect(run(fixture, 'time_limit', { task_name: 'proj.x', soft: 5 })).toEqual({ error: 'unknown task' })
    expect(() => run(fixture, 'time_limit', { task_name: 'proj.x', soft: 5, hard: 1 })).toThrow('must not be longer')
    expect(() => run(fixture, 'time_limit', { task_name: 'proj.x', soft: 'soon' })).toThrow('"soft" is')
  })
})

describe('rate_limit', () => {
  it('changes how often a task may start', () => {
    const fixture = commandTarget()
    fixture.app.task('proj.add', { rateLimit: '3/s' }, () => 1)
    const policy = () => fixture.app.tasks.definition('proj.add')?.policy.rateLimit
    expect(policy()).toBe('3/s')
    const ok = { ok: 'new rate limit set successfully' }
    expect(run(fixture, 'rate_limit', { task_name: 'proj.add', rate_limit: '10/m' })).toEqual(ok)
    expect(policy()).toBe('10/m')
    for (const none of [0, '0', '', null]) {
      expect(run(fixture, 'rate_limit', { task_name: 'proj.add', rate_limit: none })).toEqual({
        ok: 'rate limit disabled successfully',
      })
    }
    expect([policy(), fixture.trail[0], fixture.trail[1]]).toEqual([
      undefined,
      ['rate limit', 'proj.add', '10/m'],
      ['rate limit', 'proj.add', undefined],
    ])
    expect(fixture.logged[0]).toBe('INFO New rate limit for tasks of type proj.add: 10/m.')
  })

  it('refuses what it does not know and what is no rate', () => {
    const fixture = commandTarget()
    const wrong = { error: "Invalid rate limit string: 'often'" }
    expect(run(fixture, 'rate_limit', { task_name: 'proj.x', rate_limit: 'often' })).toEqual(wrong)
    expect(run(fixture, 'rate_limit', { task_name: 'proj.x', rate_limit: '1/s' })).toEqual({ error: 'unknown task' })
    expect(fixture.logged).toEqual(['ERROR Change attempt for unknown task proj.x'])
  })
})
