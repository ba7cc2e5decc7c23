import { expect, it } from 'vitest'
import { loadRedis } from '../../../../src/driver/redis/library.ts'

it('has what we use of it', async () => {
  const library = await loadRedis('The test')
  expect(library.createClient).toBeTypeOf('function')
  expect(library.RESP_TYPES.BLOB_STRING).toBeTypeOf('number')
  expect(new Error() instanceof library.ErrorReply).toBe(false)
})
