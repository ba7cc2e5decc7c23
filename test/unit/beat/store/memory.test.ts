import { expect, it } from 'vitest'
import { MemoryBeatStoreFactory } from '../../../../src/beat/store/memory.ts'
import { beatStoreContext } from '../../../support/beat.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

it('is shared by all of a factory with the same name', async () => {
  const factory = new MemoryBeatStoreFactory()
  const context = beatStoreContext('memory://')
  const one = await factory.open('memory://', context)
  await one.pause('a')
  const same = await factory.open('memory://', context)
  const other = await factory.open('memory://', { ...context, scope: 'other' })
  expect((await same.load()).entries).toHaveLength(1)
  expect((await other.load()).entries).toHaveLength(0)
})

it('lets somebody lead until the time is over', async () => {
  const clock = fakeClock()
  const store = await new MemoryBeatStoreFactory().open('memory://', beatStoreContext('memory://', { clock }))
  const first = await store.acquire(3000)
  await clock.advance(2999)
  expect(await store.acquire(3000)).toBeUndefined()
  expect(await store.renew(first as never, 3000)).toBe(0)
  await clock.advance(3000)
  expect(await store.renew(first as never, 3000)).toBeUndefined()
  expect(await store.acquire(3000)).toEqual({ token: 2 })
})
