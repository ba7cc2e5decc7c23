import { beforeEach, describe, expect, it } from 'vitest'
import { ConnectionError } from '../../../../src/errors.ts'
import { StoreLife } from '../../../../src/transport/virtual/store-life.ts'
import { createLogger } from '../../../../src/util/logger.ts'

describe('StoreLife', () => {
  let said: string[]
  let giveBack: () => Promise<void>
  let life: StoreLife

  beforeEach(() => {
    said = []
    giveBack = async () => void said.push('give back')
    life = new StoreLife({
      place: 'the sea',
      logger: createLogger({ write: ({ message }) => said.push(message) }),
      stop: () => void said.push('stop'),
      giveBack: () => giveBack(),
      release: async () => void said.push('release'),
    })
  })

  it('gives back what is held, and refuses from the beginning of its end', async () => {
    life.check()
    const closing = life.close()
    expect(life.isOver).toBe(true)
    expect(() => {
      life.check()
    }).toThrow('The connection to the sea is closed')
    await Promise.all([closing, life.close()])
    expect(said).toEqual(['stop', 'give back', 'release'])
    expect(await life.closed).toBeUndefined()
  })

  it('lets go of the place although nothing could be given back', async () => {
    giveBack = () => Promise.reject(new Error('away'))
    await life.close()
    expect(said).toEqual(['stop', 'Messages from the sea could not be given back yet', 'release'])
  })

  it('gives nothing back to a place that is lost, and says why it is over', async () => {
    const reason = new ConnectionError('gone')
    life.lose(reason)
    life.lose(new ConnectionError('again'))
    expect(await life.closed).toBe(reason)
    expect(said).toEqual(['stop'])
    await life.close()
    life.lose(new ConnectionError('late'))
    expect(said).toEqual(['stop', 'release'])
    expect(() => {
      life.check()
    }).toThrow('gone')
  })
})
