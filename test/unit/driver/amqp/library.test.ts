import { expect, it } from 'vitest'
import { loadAmqp } from '../../../../src/driver/amqp/library.ts'

it('loads the package with all that is used of it', async () => {
  const { connect, credentials } = await loadAmqp('A test')
  expect(connect).toBeInstanceOf(Function)
  expect(credentials.plain('a', 'b')).toMatchObject({ mechanism: 'PLAIN' })
  expect(credentials.amqplain('a', 'b')).toMatchObject({ mechanism: 'AMQPLAIN' })
  expect(credentials.external()).toMatchObject({ mechanism: 'EXTERNAL' })
})
