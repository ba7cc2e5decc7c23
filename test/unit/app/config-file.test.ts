import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigFile } from '../../../src/app/config-file.ts'
import { Config } from '../../../src/app/config.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

function fixture(): { config: Config; file: ConfigFile; write: (name: string, text: string) => string } {
  const folder = temporaryDirectory()
  const config = new Config({ env: {} })
  return {
    config,
    file: new ConfigFile(config),
    write: (name, text) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    },
  }
}

describe('ConfigFile', () => {
  it('reads nothing where nothing was named', async () => {
    const { config, file } = fixture()
    await file.read()
    expect(config.withoutDefaults()).toEqual({})
  })

  it('is waited for by all who ask', async () => {
    const { config, file, write } = fixture()
    file.name(write('a.json', '{ "taskAcksLate": true }'), {})
    const seen: boolean[] = []
    await Promise.all([1, 2].map(() => file.read().then(() => seen.push(config.taskAcksLate))))
    expect(seen).toEqual([true, true])
  })

  it('is read once', async () => {
    const { config, file, write } = fixture()
    const path = write('a.json', '{ "taskAcksLate": true }')
    file.name(path, {})
    await file.read()
    write('a.json', '{}')
    await file.read()
    expect(config.taskAcksLate).toBe(true)
  })

  it('lets nobody go on without it', async () => {
    const { config, file, write } = fixture()
    const path = write('a.json', '{ "taskAckLate": true }')
    file.name(path, {})
    await expect(file.read()).rejects.toThrow('taskAcksLate')
    await expect(file.read()).rejects.toThrow('taskAcksLate')
    write('a.json', '{ "taskAcksLate": true }')
    await file.read()
    expect(config.taskAcksLate).toBe(true)
  })

  it('is the one that was named last, even while another is read', async () => {
    const { config, file, write } = fixture()
    file.name(write('a.json', '{ "taskAcksLate": true }'), {})
    const reading = file.read()
    file.name(write('b.json', '{ "MY_TASK_TRACK_STARTED": true }'), { namespace: 'MY' })
    await reading
    expect(config.withoutDefaults()).toEqual({ taskTrackStarted: true })
  })

  it('is not read when other settings took its place', async () => {
    const { config, file, write } = fixture()
    file.name(write('a.json', '{ "taskAcksLate": true }'), {})
    const reading = file.read()
    file.forget()
    await reading
    await file.read()
    expect(config.taskAcksLate).toBe(false)
  })
})
