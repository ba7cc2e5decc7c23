import { describe, expect, it } from 'vitest'
import { createLogger, formatRecord, silentLogger } from '../../../src/util/logger.ts'
import type { LogRecord } from '../../../src/util/logger.ts'

describe('createLogger', () => {
  it('writes its level and worse', () => {
    const records: LogRecord[] = []
    const logger = createLogger({ level: 'INFO', write: (record) => records.push(record) })
    logger.debug('a')
    logger.info('b')
    logger.child('task: ').critical('c', { error: new Error('x') })
    expect(records.map(({ level, message }) => `${level} ${message}`)).toEqual(['INFO b', 'CRITICAL task: c'])
    expect([logger.enabled('DEBUG'), logger.enabled('INFO'), silentLogger().enabled('ERROR')]).toEqual([
      false,
      true,
      false,
    ])
  })
})

describe('formatRecord', () => {
  it("is Celery's line, with the stack of an error below", () => {
    const record: LogRecord = {
      timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 67),
      level: 'ERROR',
      message: 'oh',
      fields: undefined,
    }
    expect(formatRecord(record)).toBe('[2026-01-02 03:04:05,067: ERROR/MainProcess] oh')
    const error = new Error('below')
    expect(formatRecord({ ...record, fields: { error, processName: 'Child' } })).toContain(
      'ERROR/Child] oh\nError: below\n',
    )
  })
})
