import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { App } from '../../../src/app/app.ts'
import type { ReceivedEvent } from '../../../src/events/listener.ts'
import type { CaptureOptions, ReceiverOptions } from '../../../src/events/receiver.ts'
import type { CameraOptions } from '../../../src/events/snapshot.ts'
import { ConnectionError } from '../../../src/errors.ts'
import { runCommandLine } from '../../support/command-line.ts'
import { makeEvent } from '../../support/events.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** An app whose broker is away once and then tells of one worker; `meanwhile` is called in between. */
function appWithEvents(meanwhile: () => void = () => undefined) {
  const cameras: CameraOptions[] = []
  const capture = async ({ handlers, onRetry }: ReceiverOptions<'*'> & CaptureOptions): Promise<void> => {
    onRetry?.({ error: new ConnectionError('away'), delayMs: 2000, retry: 1, maxRetries: 5 })
    meanwhile()
    handlers?.['*']({ ...makeEvent('worker-online', {}), local_received: 1 } as ReceivedEvent)
  }
  const camera = async (_shutter: unknown, options: CameraOptions): Promise<void> => void cameras.push(options)
  const none = { eventsLogfile: null, eventsPidfile: null, eventsUid: null, eventsGid: null, eventsUmask: null }
  const conf = { update: () => undefined, workerRedirectStdouts: true, workerRedirectStdoutsLevel: 'WARNING', ...none }
  const { clock, logger } = new App('proj')
  const around = { worker: () => undefined, redirectLog: () => true, clock, logger }
  return { cameras, app: { ...around, conf, events: { capture, camera } } }
}

describe('celeriac events', () => {
  it('prints lines, and says when the broker is away', async () => {
    const { app } = appWithEvents()
    const { code, stdout, stderr } = await runCommandLine(['events', '--dump'], { app })
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^a@h \[1970-01-01 00:00:01\.000\] started: clock=1, local_received=1, pid=1, utcoffset=-?\d+\n$/,
    )
    expect(stderr).toBe('-> evdump: starting capture...\n-> away. Trying again in 2.0 s\n')
  })

  it('prints JSON', async () => {
    const { app } = appWithEvents()
    const { stdout } = await runCommandLine(['-q', 'events', '-d', '--json'], { app })
    expect(JSON.parse(stdout)).toMatchObject({ type: 'worker-online', hostname: 'a@h' })
  })

  it('gives a camera what its module and the options say', async () => {
    const { app, cameras } = appWithEvents()
    const cwd = temporaryDirectory()
    writeFileSync(join(cwd, 'camera.mjs'), 'export default () => 0; export const clearAfter = true')
    const argv = ['events', '--camera', 'camera.mjs', '-F', '10', '-r', '10/m']
    expect((await runCommandLine(argv, { app, cwd })).code).toBe(0)
    expect(cameras).toEqual([expect.objectContaining({ freq: 10, maxrate: '10/m', clearAfter: true })])
  })

  it('has log and pidfile as a worker has, and can be in the background where there is no screen', async () => {
    const cwd = temporaryDirectory()
    const seen: boolean[] = []
    const { app } = appWithEvents(() => seen.push(existsSync(join(cwd, 'events.pid')), existsSync(join(cwd, 'log'))))
    const argv = ['events', '--dump', '--pidfile', '%n.pid', '-f', 'log']
    expect((await runCommandLine(argv, { app, cwd })).code).toBe(0)
    expect([seen, existsSync(join(cwd, 'events.pid'))]).toEqual([[true, true], false])
    for (const option of ['--detach', '--pidfile=p', '-fl']) {
      const screen = await runCommandLine(['events', option], { app, cwd })
      expect([screen.code, screen.stderr]).toEqual([2, expect.stringContaining('are for --camera and --dump')])
    }
  })

  it('refuses a camera that is none', async () => {
    const { app } = appWithEvents()
    const cwd = temporaryDirectory()
    writeFileSync(join(cwd, 'camera.mjs'), 'export const shoot = 1')
    const { code, stderr } = await runCommandLine(['events', '-c', 'camera.mjs'], { app, cwd })
    expect([code, stderr]).toEqual([1, expect.stringContaining('no default export that is a function')])
  })

  it('has no screen where there is no terminal', async () => {
    const { app } = appWithEvents()
    const { code, stderr } = await runCommandLine(['events'], { app })
    expect([code, stderr]).toEqual([1, expect.stringContaining('needs a terminal')])
  })
})
