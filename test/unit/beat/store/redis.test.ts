import { expect, it } from 'vitest'
import { redisBeatStore } from '../../../../src/beat/store/redis.ts'
import { ConnectionError, ImproperlyConfigured } from '../../../../src/errors.ts'
import { beatStoreContext } from '../../../support/beat.ts'
import { findFreePort } from '../../../support/ports.ts'

it('opens without a server, and says so when it is used', async () => {
  const url = `redis://:secret@127.0.0.1:${String(await findFreePort())}/0`
  const store = await redisBeatStore.open(url, beatStoreContext(url))
  expect(store.displayUrl).not.toContain('secret')
  await expect(store.load()).rejects.toThrow(ConnectionError)
  await expect(store.acquire(1000)).rejects.toThrow(ConnectionError)
  await store.close()
})

it('refuses wrong options at once', async () => {
  const url = 'redis://127.0.0.1/0?lesae=5'
  await expect(redisBeatStore.open(url, beatStoreContext(url))).rejects.toThrow(ImproperlyConfigured)
})
