import { expect, it } from 'vitest'
import { createCommands } from '../../../../src/worker/commands/all.ts'
import { requests } from '../../../support/requests.ts'

it('has a row for each command', () => {
  const commands = createCommands()
  let stopped = false
  const target = {
    hostname: 'h',
    state: requests().parts.state,
    terminate: () => false,
    shutdown: () => void (stopped = true),
  }
  expect([...commands.keys()]).toEqual(['ping', 'revoke', 'shutdown'])
  expect(commands.get('ping')?.run(target, {})).toEqual({ ok: 'pong' })
  expect([commands.get('shutdown')?.run(target, {}), stopped]).toEqual([undefined, true])
})
