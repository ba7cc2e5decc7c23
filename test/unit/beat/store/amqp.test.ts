import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { amqpBeatStore } from '../../../../src/beat/store/amqp.ts'
import { ConnectionError, ImproperlyConfigured } from '../../../../src/errors.ts'
import { beatStoreContext } from '../../../support/beat.ts'
import { findFreePort } from '../../../support/ports.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

it('opens without a broker, which only who leads needs', async () => {
  const url = `amqp://guest:secret@127.0.0.1:${String(await findFreePort())}//`
  const filename = join(temporaryDirectory(), 'beat')
  const store = await amqpBeatStore.open(url, beatStoreContext(url, { filename }))
  expect(store.displayUrl).not.toContain('secret')
  await store.pause('a')
  expect((await store.load()).entries).toMatchObject([{ name: 'a', paused: true }])
  await expect(store.acquire(1000)).rejects.toThrow(ConnectionError)
  await store.close()
  await store.close()
})

it('refuses a file that cannot be one', async () => {
  const filename = join(temporaryDirectory(), 'folder')
  mkdirSync(`${filename}.json`)
  const opening = amqpBeatStore.open('amqp://', beatStoreContext('amqp://', { filename }))
  await expect(opening).rejects.toThrow(ImproperlyConfigured)
})
