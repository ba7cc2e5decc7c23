import { describe, expect, it } from 'vitest'
import { formatColored, formatText, jsonFormat } from '../../../src/util/log-format.ts'
import type { LogRecord } from '../../../src/util/log-record.ts'

const record: LogRecord = {
  timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 67),
  level: 'ERROR',
  message: 'oh',
  fields: undefined,
}

describe('formatText', () => {
  it("is Celery's line, with the stack of an error below", () => {
    expect(formatText(record)).toBe('[2026-01-02 03:04:05,067: ERROR/MainProcess] oh')
    const error = new Error('below')
    expect(formatText({ ...record, fields: { error, processName: 'Child' } })).toContain(
      'ERROR/Child] oh\nError: below\n',
    )
  })
})

describe('formatColored', () => {
  it('has the colour of the level, and none for INFO', () => {
    expect(formatColored(record)).toBe('[2026-01-02 03:04:05,067: ERROR/MainProcess] \u001b[31moh\u001b[0m')
    expect(formatColored({ ...record, level: 'INFO' })).toBe('[2026-01-02 03:04:05,067: INFO/MainProcess] oh')
  })
})

describe('jsonFormat', () => {
  const format = jsonFormat('w1@here')

  it('is one object a line, with the facts of the record', () => {
    const fields = { processName: 'Child', task: 'proj.add', taskId: '1', error: new Error('below') }
    const line = format({ ...record, message: 'two\nlines', fields })
    expect(line).not.toContain('\n')
    expect(JSON.parse(line)).toEqual({
      time: '2026-01-02T03:04:05.067Z',
      level: 'ERROR',
      message: 'two\nlines',
      hostname: 'w1@here',
      process: 'Child',
      task: 'proj.add',
      taskId: '1',
      error: expect.stringMatching(/^Error: below\n {4}at /),
    })
    expect(JSON.parse(format(record))).toMatchObject({ process: 'MainProcess' })
  })

  it('leaves out facts that JSON cannot hold, and keeps its own names', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(JSON.parse(format({ ...record, fields: { circle, error: 'x' } }))).toMatchObject({
      message: 'oh',
      error: 'x',
    })
    expect(JSON.parse(format({ ...record, fields: { level: 'mine' } }))).toMatchObject({ level: 'ERROR' })
  })
})
