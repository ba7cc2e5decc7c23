import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { StateFile } from '../../../src/worker/statedb.ts'
import { commandTarget } from '../../support/command-target.ts'
import type { CommandFixture } from '../../support/command-target.ts'
import { HelperProcess } from '../../support/helper-process.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { waitFor } from '../../support/wait-for.ts'

const start = (file: string, { worker }: CommandFixture) => new StateFile(file).start(worker)

describe('the state file', () => {
  it('keeps revoked ids and the clock over a restart', async () => {
    const folder = temporaryDirectory()
    const first = commandTarget()
    const stop = await start(join(folder, '%n.state'), first)
    for (const id of ['a', 'b']) first.worker.state.revoked.add(id)
    first.app.logicalClock.adjust(99)
    await stop()
    expect(readdirSync(folder)).toEqual(['celery.state'])
    const second = commandTarget()
    await start(join(folder, 'celery.state'), second)
    expect(second.worker.state.revoked.values()).toEqual(['a', 'b'])
    expect(second.app.logicalClock.time).toBeGreaterThan(99)
  })

  it('is written soon after ids are added, for whoever is killed', async () => {
    const file = join(temporaryDirectory(), 'state')
    const fixture = commandTarget()
    await start(file, fixture)
    fixture.worker.state.revoked.add('a')
    fixture.worker.state.revoked.add('b')
    expect(readFileSync(file, 'utf8')).not.toContain('"b"')
    await fixture.clock.advance(500)
    await waitFor(() => readFileSync(file, 'utf8').includes('"b"'))
  })

  it('is whole whenever its process is killed, with all that was on the disk', async () => {
    const folder = temporaryDirectory()
    const file = join(folder, 'state')
    const helper = new HelperProcess('state-file-process.ts', [file])
    let last = 0
    while (last < 20) last = (await helper.hear()) as number
    await helper.kill()
    const { worker, app, logged } = commandTarget()
    await new StateFile(file).start(worker)
    expect(logged).toEqual([])
    // The set of a test holds ten.
    expect(Number(worker.state.revoked.values().at(-1))).toBeGreaterThanOrEqual(last)
    expect(app.logicalClock.time).toBeGreaterThanOrEqual(last)
  })

  it('remembers how old ids are', async () => {
    const file = join(temporaryDirectory(), 'state')
    const first = commandTarget()
    const stop = await start(file, first)
    first.worker.state.revoked.add('old')
    await first.clock.advance(600)
    first.worker.state.revoked.add('young')
    await stop()
    const second = commandTarget()
    await second.clock.advance(600)
    await start(file, second)
    // The set of a test forgets after a second.
    await second.clock.advance(500)
    second.worker.state.revoked.add('new')
    expect(second.worker.state.revoked.values()).toEqual(['young', 'new'])
  })

  it('that is none is kept aside, with a warning', async () => {
    for (const garbage of ['\u0000\u0001rubbish', '{"format":"celeriac worker state 1"}', '[]', '', '{"clock":']) {
      const folder = temporaryDirectory()
      const file = join(folder, 'state')
      writeFileSync(file, garbage)
      const fixture = commandTarget()
      await start(file, fixture)
      expect(fixture.logged.join()).toContain('WARNING The state file')
      expect(readFileSync(`${file}.unreadable`, 'utf8')).toBe(garbage)
      expect(existsSync(file)).toBe(true)
    }
  })

  it('that cannot be keeps the worker from starting, and says why', async () => {
    const folder = temporaryDirectory()
    await expect(start(join(folder, 'nowhere/state'), commandTarget())).rejects.toThrow(/nowhere\/state cannot be used/)
    mkdirSync(join(folder, 'folder'))
    await expect(start(join(folder, 'folder'), commandTarget())).rejects.toThrow('cannot be used')
  })
})
