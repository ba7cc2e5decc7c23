import { describe, expect, it, onTestFinished } from 'vitest'
import { App } from '../../../src/app/app.ts'
import type { AppOptions } from '../../../src/app/app.ts'
import { InvalidTaskError } from '../../../src/errors.ts'
import type { Connection } from '../../../src/transport/transport.ts'
import { BoundedSet } from '../../../src/util/bounded-set.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { RemoteControl } from '../../../src/worker/remote-control.ts'
import { WorkerState } from '../../../src/worker/state.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Fixture {
  readonly app: App
  readonly remote: RemoteControl
  readonly connection: Connection
  readonly state: WorkerState
  readonly trail: string[]
}

async function fixture(options: AppOptions = {}): Promise<Fixture> {
  const app = new App('proj', { broker: 'memory://', backend: 'memory://', logger: silentLogger(), ...options })
  const broker = await app.connect()
  onTestFinished(async () => {
    await broker.close()
    await app.close()
  })
  const trail: string[] = []
  const state = new WorkerState(new BoundedSet({ maxSize: 10, maxAgeMs: 1000, clock: systemClock }))
  const target = {
    hostname: 'celery@test',
    state,
    terminate: () => true,
    shutdown: () => void trail.push('shutdown'),
  }
  return { app, remote: new RemoteControl({ app, broker, target }), connection: await broker.ensure(), state, trail }
}

describe('RemoteControl', () => {
  it('takes commands that are for this worker, and answers', async () => {
    const { app, remote, connection, state, trail } = await fixture()
    const stop = await remote.attach(connection)
    expect(await app.control.ping({ timeout: 5, limit: 1 })).toEqual([{ 'celery@test': { ok: 'pong' } }])
    await app.control.revoke('id-1')
    await app.control.shutdown({ destination: ['celery@other'] })
    await app.control.shutdown()
    await waitFor(() => trail.length === 1)
    expect(state.revoked.has('id-1')).toBe(true)
    await stop()
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

  it('is silent where it is switched off, and where the broker has no fanout', async () => {
    const off = await fixture({ workerEnableRemoteControl: false })
    await (
      await off.remote.attach(off.connection)
    )()
    const { app, remote, connection } = await fixture()
    await remote.attach({ ...connection, features: { ...connection.features, fanout: false } })
    for (const { control } of [off.app, app]) expect(await control.ping({ timeout: 0.01 })).toEqual([])
  })
})
