import { describe, expect, it } from 'vitest'
import { ReopeningChannel } from '../../../../src/transport/amqp/reopening.ts'
import { FakeAmqpConnection } from '../../../support/fake-amqp.ts'

function fixture(): { fake: FakeAmqpConnection; channel: ReopeningChannel } {
  const fake = new FakeAmqpConnection()
  return { fake, channel: new ReopeningChannel(() => fake.openChannel()) }
}

describe('ReopeningChannel', () => {
  it('opens one channel for all who ask, when the first one does', async () => {
    const { fake, channel } = fixture()
    expect(fake.channels).toEqual([])
    const [one, other] = await Promise.all([channel.get(), channel.get()])
    expect(one).toBe(other)
    expect(fake.channels.length).toBe(1)
  })

  it('opens another one after a refusal, which hits nobody else', async () => {
    const { fake, channel } = fixture()
    fake.onOpen = (opened) => opened.refused.add('queueBind')
    const outcomes = await Promise.allSettled([
      channel.inTurn((opened) => opened.queueBind('q', 'x', 'k')),
      channel.inTurn((opened) => opened.exchangeCheck('x')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(fake.channels.map(({ calls }) => calls)).toEqual([['queueBind q x k'], ['exchangeCheck x']])
  })

  it('tries again after it could not be opened', async () => {
    const { fake, channel } = fixture()
    const open = fake.openChannel.bind(fake)
    fake.openChannel = () => {
      fake.openChannel = open
      return Promise.reject(new Error('not now'))
    }
    await expect(channel.get()).rejects.toThrow('not now')
    expect((await channel.get()).isOpen).toBe(true)
  })

  it('closes what was opened, and nothing where nothing was', async () => {
    const { fake, channel } = fixture()
    await channel.close()
    await channel.get()
    await channel.close()
    expect(fake.channels.map(({ isOpen }) => isOpen)).toEqual([false])
  })
})
