import { describe, expect, it } from 'vitest'
import { LOG_LEVELS, LogOutlet, logAt, lowestLevel, createLogger, silentLogger } from '../../../src/util/logger.ts'
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

describe('a child', () => {
  it('adds its fields to those of each record', () => {
    const records: LogRecord[] = []
    const logger = createLogger({ level: 'INFO', write: (record) => records.push(record) })
    logger.child('', { task: 'proj.add' }).child('x: ', { taskId: '1' }).info('y', { extra: 2 })
    logger.child('').info('z')
    expect(records.map(({ message, fields }) => [message, fields])).toEqual([
      ['x: y', { task: 'proj.add', taskId: '1', extra: 2 }],
      ['z', undefined],
    ])
  })
})

describe('LogOutlet', () => {
  it('changes where loggers in use write, and from which level on', () => {
    const first: string[] = []
    const second: string[] = []
    const outlet = new LogOutlet({ write: ({ message }) => first.push(message) })
    const child = outlet.logger.child('child: ')
    child.info('a')
    child.warning('b')
    outlet.redirect({ level: 'INFO', write: ({ message }) => second.push(message) })
    child.info('c')
    outlet.redirect({})
    outlet.logger.debug('d')
    outlet.logger.info('e')
    expect([first, second]).toEqual([['child: b'], ['child: c', 'e']])
    expect(child.enabled('INFO')).toBe(true)
  })
})

describe('lowestLevel', () => {
  it('is the first that is written', () => {
    expect(lowestLevel(createLogger({ level: 'DEBUG' }))).toBe('DEBUG')
    expect(lowestLevel(createLogger({ level: 'ERROR' }))).toBe('ERROR')
  })
})

describe('logAt', () => {
  it('hands on level, message and fields', () => {
    const records: LogRecord[] = []
    const logger = createLogger({ level: 'DEBUG', write: (record) => records.push(record) })
    for (const level of LOG_LEVELS) logAt(logger, level, 'm', { processName: 'Child' })
    expect(records.map(({ level }) => level)).toEqual(LOG_LEVELS)
    expect(records[0]).toMatchObject({ message: 'm', fields: { processName: 'Child' } })
  })
})
