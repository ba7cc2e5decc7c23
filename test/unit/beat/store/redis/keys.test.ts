import { expect, it } from 'vitest'
import { beatKeys } from '../../../../../src/beat/store/redis/keys.ts'

it('begins as the keys of the broker do, and has the name of the app', () => {
  expect(beatKeys('{celeriac}', 'proj')).toEqual({
    lock: '{celeriac}celeriac.beat.proj.lock',
    meta: '{celeriac}celeriac.beat.proj.meta',
    entries: '{celeriac}celeriac.beat.proj.entries',
    states: '{celeriac}celeriac.beat.proj.states',
    paused: '{celeriac}celeriac.beat.proj.paused',
  })
})
