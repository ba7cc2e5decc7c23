import { describe, expect, it } from 'vitest'
import { ShutdownPolicy, shutdownRules, type ShutdownSignal } from '../../../src/cli/signals.ts'

function follow(signals: ShutdownSignal[], rules: { softTimeout?: number; remapSigterm?: boolean } = {}): string[] {
  const policy = new ShutdownPolicy({ softTimeout: 0, remapSigterm: false, ...rules })
  return signals.map((signal) => {
    const { how, exitCode } = policy.receive(signal)
    return `${how ?? '-'} ${String(exitCode)}`
  })
}

describe('ShutdownPolicy', () => {
  it.each<[ShutdownSignal[], string[]]>([
    [['SIGTERM'], ['warm 0']],
    [
      ['SIGTERM', 'SIGTERM', 'SIGTERM'],
      ['warm 0', '- 0', '- 0'],
    ],
    [
      ['SIGINT', 'SIGINT', 'SIGINT'],
      ['warm 1', 'cold 1', 'hard 1'],
    ],
    [
      ['SIGTERM', 'SIGINT', 'SIGINT'],
      ['warm 0', '- 1', 'cold 1'],
    ],
    [
      ['SIGINT', 'SIGTERM', 'SIGINT'],
      ['warm 1', '- 1', 'cold 1'],
    ],
    [
      ['SIGQUIT', 'SIGTERM', 'SIGQUIT', 'SIGQUIT'],
      ['cold 1', '- 1', 'hard 1', 'hard 1'],
    ],
    [
      ['SIGQUIT', 'SIGINT'],
      ['cold 1', 'hard 1'],
    ],
    [
      ['SIGTERM', 'SIGQUIT'],
      ['warm 0', 'cold 1'],
    ],
  ])('%j means %j', (signals, steps) => {
    expect(follow(signals)).toEqual(steps)
  })

  it('gives running tasks their time first where soft shutdown is on', () => {
    const rules = { softTimeout: 10 }
    expect(follow(['SIGQUIT', 'SIGQUIT', 'SIGQUIT'], rules)).toEqual(['soft 1', 'cold 1', 'hard 1'])
    expect(follow(['SIGINT', 'SIGINT', 'SIGINT', 'SIGINT'], rules)).toEqual(['warm 1', 'soft 1', 'cold 1', 'hard 1'])
    expect(follow(['SIGTERM'], rules)).toEqual(['warm 0'])
  })

  it('takes SIGTERM for SIGQUIT where that is asked for', () => {
    expect(follow(['SIGTERM', 'SIGTERM'], { remapSigterm: true })).toEqual(['cold 1', 'hard 1'])
  })

  it('says what happens and what comes next', () => {
    const policy = new ShutdownPolicy({ softTimeout: 3, remapSigterm: false })
    expect(policy.receive('SIGINT').say.join()).toMatch(/Ctrl\+C again.*Warm shutdown/)
    expect(policy.receive('SIGINT').say.join()).toMatch(/Soft shutdown.*3 seconds/)
    expect(policy.receive('SIGINT').say.join()).toMatch(/Cold shutdown/)
  })
})

describe('shutdownRules', () => {
  it('reads REMAP_SIGTERM', () => {
    expect(shutdownRules(2, { REMAP_SIGTERM: 'SIGQUIT' })).toEqual({ softTimeout: 2, remapSigterm: true })
    expect(shutdownRules(0, { REMAP_SIGTERM: 'SIGINT' })).toEqual({ softTimeout: 0, remapSigterm: false })
    expect(shutdownRules(0, {})).toEqual({ softTimeout: 0, remapSigterm: false })
  })
})
