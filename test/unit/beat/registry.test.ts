import { expect, it } from 'vitest'
import { BeatStoreRegistry } from '../../../src/beat/registry.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { beatStoreContext } from '../../support/beat.ts'

it('finds the store of a broker by its scheme', async () => {
  const registry = new BeatStoreRegistry()
  const store = await registry.open('memory://', beatStoreContext('memory://'))
  expect(store.displayUrl).toBe('memory://')
  await expect(registry.open('memry://', beatStoreContext('memry://'))).rejects.toThrow(ImproperlyConfigured)
})

it('takes others', async () => {
  const registry = new BeatStoreRegistry()
  const memory = await registry.open('memory://', beatStoreContext('memory://'))
  registry.registerBeatStore('mine', async () => ({ name: 'mine', open: async () => memory }))
  expect(await registry.open('mine://', beatStoreContext('mine://'))).toBe(memory)
})
