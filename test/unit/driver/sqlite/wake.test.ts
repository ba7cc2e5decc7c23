import { afterEach, describe, expect, it, vi } from 'vitest'
import { SideFile } from '../../../../src/driver/sqlite/side-file.ts'
import { WakeUps } from '../../../../src/driver/sqlite/wake.ts'
import type { SqliteTopic } from '../../../../src/driver/sqlite/wake.ts'
import { temporaryFile } from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

describe('wake-ups', () => {
  const watching: WakeUps[] = []
  afterEach(() => {
    for (const wakeUps of watching.splice(0)) wakeUps.stop()
  })

  function make(path: string, onWake: (topics: readonly SqliteTopic[]) => void = () => undefined): WakeUps {
    const wakeUps = new WakeUps(new SideFile(path), onWake)
    watching.push(wakeUps)
    return wakeUps
  }

  it('tell others of their topic, each time anew', async () => {
    const path = temporaryFile()
    const heard: SqliteTopic[] = []
    const [sender, receiver] = [make(path), make(path, (topics) => heard.push(...topics))]
    receiver.watch()
    expect(receiver.watching).toBe(true)
    sender.poke('results')
    await waitFor(() => heard.length === 1)
    sender.poke('results')
    await waitFor(() => heard.length === 2)
    sender.poke('messages')
    await waitFor(() => heard.length === 3)
    expect(heard).toEqual(['results', 'results', 'messages'])
  })

  it('do not wake the one who sent them', async () => {
    const path = temporaryFile()
    const [own, other] = [vi.fn(), vi.fn()]
    const [sender, receiver] = [make(path, own), make(path, other)]
    sender.watch()
    receiver.watch()
    for (let count = 0; count < 5; count += 1) {
      sender.poke('messages')
      await waitFor(() => other.mock.calls.length > count)
    }
    expect(own).not.toHaveBeenCalled()
  })

  it('from before the watch are no news', async () => {
    const path = temporaryFile()
    const heard: SqliteTopic[] = []
    const [sender, receiver] = [make(path), make(path, (topics) => heard.push(...topics))]
    sender.poke('messages')
    receiver.watch()
    sender.poke('results')
    await waitFor(() => heard.length > 0)
    expect(heard).toEqual(['results'])
  })

  it('go without where there is nothing to watch', () => {
    const wakeUps = make(`${temporaryFile()}/no/folder`)
    wakeUps.watch()
    wakeUps.poke('messages')
    expect(wakeUps.watching).toBe(false)
  })
})
