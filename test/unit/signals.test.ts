import { describe, expect, it } from 'vitest'
import { Signals } from '../../src/signals.ts'
import { createLogger, silentLogger } from '../../src/util/logger.ts'

const facts = { hostname: 'celery@test' }

describe('Signals', () => {
  it('tells listeners in order, and waits for them', async () => {
    const signals = new Signals(silentLogger())
    const trail: string[] = []
    signals.on('worker-ready', async ({ hostname }) => {
      await new Promise((resolve) => setImmediate(resolve))
      trail.push(`first ${hostname}`)
    })
    signals.on('worker-ready', () => void trail.push('second'))
    await signals.send('worker-ready', facts)
    expect(trail).toEqual(['first celery@test', 'second'])
  })

  it('knows whether anybody listens', () => {
    const signals = new Signals(silentLogger())
    const off = signals.on('worker-ready', () => undefined)
    expect([signals.has('worker-ready'), signals.has('worker-init')]).toEqual([true, false])
    off()
    off()
    expect(signals.has('worker-ready')).toBe(false)
  })

  it('logs a listener that throws, and tells the others', async () => {
    const lines: string[] = []
    const signals = new Signals(createLogger({ level: 'ERROR', write: (record) => lines.push(record.message) }))
    let told = false
    signals.on('worker-ready', () => {
      throw new Error('listener')
    })
    signals.on('worker-ready', () => void (told = true))
    await signals.send('worker-ready', facts)
    expect([told, lines]).toEqual([true, ['A listener of the signal worker-ready failed']])
  })
})
