import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import { transportContext } from '../../support/context.ts'
import { plainMessage } from '../../support/fake-store.ts'

// What every transport does is in test/suites/transport.test.ts.
describe('MemoryTransport', () => {
  it('shares one broker among its connections, and none with another transport', async () => {
    const [transport, other] = [new MemoryTransport(), new MemoryTransport()]
    const connect = async (to: MemoryTransport) => (await to.connect('memory://', {}, transportContext())).openChannel()
    const publisher = await connect(transport)
    await publisher.basicPublish([{ exchange: '', routingKey: 'q', message: plainMessage('x') }])
    expect(await (await connect(other)).basicGet('q', 1)).toEqual([])
    expect(await (await connect(transport)).basicGet('q', 1)).toHaveLength(1)
  })

  it('keeps messages while no connection is open', async () => {
    const transport = new MemoryTransport()
    const first = await transport.connect('memory://', {}, transportContext())
    const message = plainMessage('x')
    await (await first.openChannel()).basicPublish([{ exchange: '', routingKey: 'q', message }])
    await first.close()
    const second = await transport.connect('memory://', {}, transportContext())
    expect(await (await second.openChannel()).basicGet('q', 1)).toHaveLength(1)
  })

  it('has no options', async () => {
    const connecting = new MemoryTransport().connect('memory://', { visibilityTimeout: 5 }, transportContext())
    await expect(connecting).rejects.toThrow(ImproperlyConfigured)
    await expect(connecting).rejects.toThrow(/visibilityTimeout/)
  })
})
