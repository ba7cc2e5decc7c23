import { describe, expect, it } from 'vitest'
import { checkCommand, commandTable, createCommands } from '../../../../src/worker/commands/all.ts'
import type { Command } from '../../../../src/worker/commands/command.ts'

describe('the table', () => {
  it('has the commands of Celery under all their names, each with a sentence', () => {
    const table = commandTable(createCommands())
    const celerys = [
      ...['report', 'conf', 'query_task', 'ping', 'stats', 'scheduled', 'reserved', 'active', 'revoked', 'registered'],
      ...['objgraph', 'memsample', 'memdump', 'active_queues', 'dump_conf', 'dump_schedule', 'dump_reserved'],
      ...['dump_active', 'dump_revoked', 'dump_tasks'],
      ...[
        'revoke',
        'revoke_by_stamped_headers',
        'terminate',
        'rate_limit',
        'time_limit',
        'shutdown',
        'add_consumer',
        'cancel_consumer',
      ],
    ]
    expect(celerys.filter((name) => !table.has(name))).toEqual([])
    expect([...table.values()].filter(({ help }) => help === undefined)).toEqual([])
    expect(table.get('dump_active')).toBe(table.get('active'))
  })

  it('prefers a user’s own', () => {
    const own: Command = { name: 'ping', kind: 'inspect', run: () => 'mine' }
    expect(commandTable(createCommands([own])).get('ping')).toBe(own)
  })

  it('refuses what cannot be a command', () => {
    const command: Command = { name: 'x', kind: 'control', run: () => 1 }
    expect(checkCommand(command)).toBe(command)
    expect(() => checkCommand({ ...command, name: 'a b' })).toThrow('A command needs a name')
    expect(() => checkCommand({ ...command, kind: 'look' as never })).toThrow('needs a kind')
    expect(() => checkCommand({ ...command, run: undefined as never })).toThrow('needs a function "run"')
  })
})
