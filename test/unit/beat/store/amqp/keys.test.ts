import { expect, it } from 'vitest'
import { lockQueue } from '../../../../../src/beat/store/amqp/keys.ts'

it('has one queue for each app', () => {
  expect(lockQueue('proj')).toBe('celeriac.beat.proj')
})
