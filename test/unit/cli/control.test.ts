import { describe, expect, it, vi } from 'vitest'
import type { BroadcastOptions, Reply } from '../../../src/app/control.ts'
import { createCommands } from '../../../src/worker/commands/all.ts'
import type { Command } from '../../../src/worker/commands/command.ts'
import { runCommandLine } from '../../support/command-line.ts'
import type { CommandLineResult } from '../../support/command-line.ts'

const OWN: readonly Command[] = [
  { name: 'shout', kind: 'inspect', args: [{ name: 'text' }], variadic: 'more', help: 'Loud.', run: () => 1 },
  { name: 'secret', kind: 'inspect', hidden: true, run: () => 1 },
]

function fixture(replies: readonly Reply[] = []) {
  const ask = vi.fn(async (_command: string, { callback }: BroadcastOptions) => {
    for (const reply of replies) callback?.(reply)
    return replies
  })
  const broadcast = vi.fn(async () => undefined)
  const app = { conf: { update: vi.fn() }, worker: vi.fn(), workerCommands: createCommands(OWN), control: { ask, broadcast } } // prettier-ignore
  const run = (...argv: string[]): Promise<CommandLineResult> => runCommandLine(argv, { app })
  return { run, ask, broadcast, sent: () => ask.mock.calls.map(([command, options]) => [command, options.arguments]) }
}

describe('inspect', () => {
  it('prints what each node answers', async () => {
    const { run, ask } = fixture([{ 'celery@a': [] }, { 'celery@b': ['x', { y: 1 }] }])
    const { code, stdout } = await run('inspect', 'revoked', '-d', 'celery@a,celery@b', '-t', '3')
    expect([code, stdout]).toEqual([
      0,
      '->  celery@a: OK\n    - empty -\n->  celery@b: OK\n    * x\n    * {"y":1}\n\n2 nodes online.\n',
    ])
    expect(ask.mock.calls[0]).toMatchObject(['revoked', { destination: ['celery@a', 'celery@b'], timeout: 3 }])
  })

  it('prints JSON for programs', async () => {
    const replies = [{ 'celery@a': [] }, { 'celery@b': ['x'] }]
    const inspected = await fixture(replies).run('inspect', 'revoked', '--json')
    expect(JSON.parse(inspected.stdout)).toEqual({ 'celery@a': [], 'celery@b': ['x'] })
    const controlled = await fixture(replies).run('control', 'revoke', 'id', '--json')
    expect(JSON.parse(controlled.stdout)).toEqual(replies)
  })

  it('ends with 69 when nobody answers, with 1 when somebody could not do it', async () => {
    expect(await fixture().run('inspect', 'ping')).toMatchObject({
      code: 69,
      stdout: '',
      stderr: 'Error: No nodes replied within time constraint.\n',
    })
    const { code, stdout } = await fixture([{ 'celery@a': { error: 'unknown task' } }]).run('control', 'time_limit', 'x', '1') // prettier-ignore
    expect([code, stdout]).toEqual([1, '->  celery@a: ERROR\n    unknown task\n'])
  })

  it('has the commands of the app', async () => {
    const { run, sent } = fixture([{ a: 1 }])
    await run('inspect', 'shout', 'hey', 'you', 'there')
    expect(sent()).toEqual([['shout', { text: 'hey', more: ['you', 'there'] }]])
    const { stdout } = await run('inspect', '--list')
    expect(stdout).toContain('shout <text> [more ...]\tLoud.\n')
    expect(stdout).not.toMatch(/^(secret|revoke) /m)
  })
})

describe('arguments', () => {
  it('get their names and types', async () => {
    const { run, sent } = fixture([{ a: { ok: 1 } }])
    await run('inspect', 'query_task', 'a', 'b')
    await run('inspect', 'dump_conf', 'yes')
    await run('control', 'time_limit', 'proj.add', '5', '10.5')
    await run('control', 'terminate', 'KILL', 'a', 'b')
    await run('control', 'add_consumer', 'q')
    expect(sent()).toEqual([
      ['query_task', { ids: ['a', 'b'] }],
      ['conf', { with_defaults: true }],
      ['time_limit', { task_name: 'proj.add', soft: 5, hard: 10.5 }],
      ['terminate', { signal: 'KILL', task_id: ['a', 'b'] }],
      ['add_consumer', { queue: 'q' }],
    ])
  })

  it('that do not fit are refused', async () => {
    const { run, sent } = fixture()
    const many = await run('control', 'cancel_consumer', 'a', 'b')
    expect([many.code, many.stderr]).toEqual([
      2,
      'Error: control cancel_consumer: That is one argument too many\nUsage: control cancel_consumer <queue>\n',
    ])
    expect((await run('control', 'time_limit', 'proj.add', 'soon')).stderr).toContain("'soon' is no number")
    expect(sent()).toEqual([])
  })
})

describe('commands', () => {
  it('that there are not are refused, with the nearest one', async () => {
    const { run } = fixture()
    const misspelt = await run('inspect', 'activ')
    expect([misspelt.code, misspelt.stderr]).toEqual([
      2,
      'Error: There is no inspect command "activ"; did you mean "active"?\n',
    ])
    expect((await run('inspect')).stderr).toMatch(
      /^Error: Which command\? There are: .*active_queues.*\(inspect --list/,
    )
    expect((await run('control', 'xyzzy')).stderr).toContain('There are: add_consumer')
  })

  it('that are never answered are sent, and nobody waits', async () => {
    const { run, ask, broadcast } = fixture()
    expect((await run('control', 'shutdown', '-d', 'celery@a')).code).toBe(0)
    expect([ask.mock.calls.length, broadcast.mock.calls]).toEqual([0, [['shutdown', { arguments: {}, destination: ['celery@a'] }]]]) // prettier-ignore
  })

  it('are in the help', async () => {
    const { stdout } = await fixture().run('control', '--help')
    expect(stdout).toContain('  revoke [id1 [id2 [... [idN]]]]\n')
    expect(stdout).toContain('Ends with 69')
  })
})
