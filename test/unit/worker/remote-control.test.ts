import { describe, expect, it, onTestFinished } from 'vitest'
import type { AppOptions } from '../../../src/app/app.ts'
import { InvalidTaskError } from '../../../src/errors.ts'
import type { Connection } from '../../../src/transport/transport.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { createCommands } from '../../../src/worker/commands/all.ts'
import type { Command } from '../../../src/worker/commands/command.ts'
import { RemoteControl } from '../../../src/worker/remote-control.ts'
import { commandTarget } from '../../support/command-target.ts'
import type { CommandFixture } from '../../support/command-target.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Fixture extends CommandFixture {
  readonly remote: RemoteControl
  readonly connection: Connection
}

async function fixture(options: AppOptions = {}, own: readonly Command[] = []): Promise<Fixture> {
  const target = commandTarget({ clock: systemClock, ...options })
  const { app, worker } = target
  const broker = await app.connect()
  onTestFinished(async () => {
    await broker.close()
    await app.close()
  })
  const remote = new RemoteControl({ broker, target: worker, commands: createCommands(own) })
  return { ...target, remote, connection: await broker.ensure() }
}

describe('RemoteControl', () => {
  it('takes commands that are for this worker, and answers', async () => {
    const { app, remote, connection, worker, trail } = await fixture()
    const stop = await remote.attach(connection)
    expect(await app.control.ping({ timeout: 5, limit: 1 })).toEqual([{ 'celery@test': { ok: 'pong' } }])
    await app.control.revoke('id-1')
    await app.control.shutdown({ destination: ['celery@other'] })
    await app.control.shutdown()
    await waitFor(() => trail.length === 1)
    expect(worker.state.revoked.has('id-1')).toBe(true)
    await stop?.()
    expect(await app.control.ping({ timeout: 0.01 })).toEqual([])
  })

  it('answers with an error what it does not know', async () => {
    const { app, remote, connection } = await fixture()
    await remote.attach(connection)
    const [reply] = await app.control.ask('pign', { timeout: 5, limit: 1 })
    expect(reply?.['celery@test']).toEqual({
      error: 'InvalidTaskError: There is no command "pign"; did you mean "ping"?',
    })
    expect(() => remote.run('nothing', {})).toThrow(InvalidTaskError)
  })

  it('runs commands of users, which see the worker', async () => {
    const slots: Command = {
      name: 'slots',
      kind: 'inspect',
      run: async (worker, { times = 1 }) => ({ ok: worker.facts.concurrency * Number(times) }),
    }
    const { app, remote, connection } = await fixture({}, [slots])
    await remote.attach(connection)
    const inspect = app.control.inspect({ timeout: 5, limit: 1 })
    expect(await inspect.ask('slots', { times: 2 })).toEqual({ 'celery@test': { ok: 6 } })
  })

  it('is silent where it is switched off, and where the broker has no fanout', async () => {
    const off = await fixture({ workerEnableRemoteControl: false })
    expect(await off.remote.attach(off.connection)).toBeUndefined()
    const { app, remote, connection } = await fixture()
    await remote.attach({ ...connection, features: { ...connection.features, fanout: false } })
    for (const { control } of [off.app, app]) expect(await control.ping({ timeout: 0.01 })).toEqual([])
  })
})
