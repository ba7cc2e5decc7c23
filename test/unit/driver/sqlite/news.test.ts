import { existsSync, unlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { News } from '../../../../src/driver/sqlite/news.ts'
import { SideFile } from '../../../../src/driver/sqlite/side-file.ts'
import { temporaryFile } from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

describe('news', () => {
  const open: News[] = []
  let path: string
  beforeEach(() => {
    path = temporaryFile()
  })
  afterEach(() => {
    for (const news of open.splice(0)) news.close()
  })

  function make(readVersion: () => unknown = () => 1, file: string = path): News {
    const news = new News(new SideFile(file), readVersion)
    open.push(news)
    return news
  }

  it('reach the listeners of their topic, here and elsewhere, until they stop', async () => {
    const [here, there] = [make(), make()]
    const [near, far, other] = [vi.fn(), vi.fn(), vi.fn()]
    const stops = [here.listen('messages', near), there.listen('messages', far), there.listen('results', other)]
    here.announce(['messages'])
    expect(near).toHaveBeenCalledOnce()
    await waitFor(() => far.mock.calls.length === 1)
    here.announce(['results'])
    await waitFor(() => other.mock.calls.length === 1)
    expect(far).toHaveBeenCalledOnce()
    for (const stop of stops) stop()
    here.announce(['messages', 'results'])
    expect(near).toHaveBeenCalledOnce()
  })

  it('may stop being listened to from within', () => {
    const news = make()
    const stop = news.listen('messages', () => {
      stop()
    })
    const other = vi.fn()
    news.listen('messages', other)
    news.announce(['messages'])
    expect(other).toHaveBeenCalledOnce()
  })

  it('are found out by looking when nobody told of them', async () => {
    let version = 1
    const news = make(() => version)
    const listener = vi.fn()
    news.listen('results', listener)
    version = 2
    await waitFor(() => listener.mock.calls.length > 0)
    expect(listener).toHaveBeenCalledOnce()
  })

  it('are found out soon where there is no file to watch', async () => {
    let version = 1
    const news = make(() => version, `${path}/no/such/folder`)
    const listener = vi.fn()
    news.listen('messages', listener)
    version = 2
    await waitFor(() => listener.mock.calls.length > 0, { timeoutMs: 1000 })
  })

  it('come again after the file was deleted', async () => {
    const [here, there] = [make(), make()]
    const listener = vi.fn()
    there.listen('messages', listener)
    here.listen('results', () => undefined)
    unlinkSync(path)
    await waitFor(() => {
      here.announce(['messages'])
      return listener.mock.calls.length > 0 && existsSync(path)
    })
  })
})
