import { describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError, ImproperlyConfigured } from '../../../src/errors.ts'
import type { Connection } from '../../../src/transport/transport.ts'
import { createLogger } from '../../../src/util/logger.ts'
import type { Component, ComponentHost } from '../../../src/worker/component.ts'
import { Components } from '../../../src/worker/components.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'

const connection = {} as Connection
const never = new AbortController().signal

interface Fixture {
  readonly components: Components
  readonly host: ComponentHost
  readonly clock: FakeClock
  readonly trail: string[]
  readonly lines: string[]
}

function fixture(make: (named: (name: string) => Component) => Component[]): Fixture {
  const clock = fakeClock()
  const trail: string[] = []
  const lines: string[] = []
  const logger = createLogger({ level: 'DEBUG', write: (record) => lines.push(`${record.level} ${record.message}`) })
  const host = { app: { clock, logger } } as unknown as ComponentHost
  const named = (name: string): Component => ({
    name,
    start: (worker) => {
      trail.push(`start ${name}${worker === host ? '' : ' of another'}`)
      return () => void trail.push(`stop ${name}`)
    },
    attach: (given, worker) => {
      trail.push(`attach ${name}${given === connection && worker === host ? '' : ' to another'}`)
      return async () => void trail.push(`detach ${name}`)
    },
  })
  return { components: new Components(make(named), host), host, clock, trail, lines }
}

describe('starting', () => {
  it('goes down the list, and stopping up, once', async () => {
    const { components, trail } = fixture((named) => [named('one'), { name: 'nothing' }, named('two')])
    await components.start()
    await components.stop()
    await components.stop()
    expect(trail).toEqual(['start one', 'start two', 'stop two', 'stop one'])
  })

  it('stops what was started when one fails', async () => {
    const fail = (): never => {
      throw new ImproperlyConfigured('wrong')
    }
    const { components, trail } = fixture((named) => [named('one'), { name: 'wrong', start: fail }, named('two')])
    await expect(components.start()).rejects.toThrow('wrong')
    expect(trail).toEqual(['start one', 'stop one'])
  })

  it('is undone by the others when one cannot stop', async () => {
    const stuck: Component = { name: 'stuck', start: () => () => Promise.reject(new Error('no')) }
    const { components, trail, lines } = fixture((named) => [named('one'), stuck, named('two')])
    await components.start()
    await components.stop()
    expect(trail.slice(2)).toEqual(['stop two', 'stop one'])
    expect(lines).toEqual(['WARNING The component "stuck" could not stop in order'])
  })
})

describe('attaching', () => {
  it('goes down the list, and detaching up', async () => {
    const { components, trail } = fixture((named) => [named('one'), { name: 'nothing' }, named('two')])
    const detach = await components.attach(connection, never)
    await detach()
    expect(trail).toEqual(['attach one', 'attach two', 'detach two', 'detach one'])
  })

  it('detaches what was attached when one fails', async () => {
    const lost = (): never => {
      throw new ConnectionError('gone')
    }
    const { components, trail } = fixture((named) => [named('one'), { name: 'lost', attach: lost }, named('two')])
    await expect(components.attach(connection, never)).rejects.toThrow('gone')
    expect(trail).toEqual(['attach one', 'detach one'])
  })

  it('goes on without one that the broker refuses, and tries it again', async () => {
    let refusals = 2
    const shy = (component: Component): Component => ({
      ...component,
      attach: (given, worker) => {
        refusals -= 1
        if (refusals >= 0) throw new ChannelError('the mailbox is locked')
        return component.attach?.(given, worker)
      },
    })
    const { components, clock, lines, trail } = fixture((named) => [shy(named('one')), named('two')])
    const detach = await components.attach(connection, never)
    expect(trail).toEqual(['attach two'])
    expect(lines).toEqual(['WARNING Without one for now; trying again: the mailbox is locked'])
    await clock.advance(10_000)
    expect(trail).toEqual(['attach two', 'attach one'])
    await detach()
    expect(trail.slice(2)).toEqual(['detach two', 'detach one'])
  })

  it('tries no longer when the connection is over, or it is detached', async () => {
    const refuse = (): never => {
      throw new ChannelError('locked')
    }
    const over = new AbortController()
    const first = fixture(() => [{ name: 'one', attach: refuse }])
    await first.components.attach(connection, over.signal)
    over.abort()
    await first.clock.advance(0)
    expect(first.clock.pending).toBe(0)
    const second = fixture(() => [{ name: 'one', attach: refuse }])
    await (
      await second.components.attach(connection, never)
    )()
    expect(second.clock.pending).toBe(0)
  })
})
