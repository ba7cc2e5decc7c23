import { describe, expect, it } from 'vitest'
import { renameJavaScript } from '../../../src/cli/javascript-names.ts'
import { applyEdits, toCamelCase } from '../../../src/cli/setting-edits.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'

function renamed(source: string): string {
  return applyEdits(source, renameJavaScript(source, toCamelCase))
}

describe('renameJavaScript changes', () => {
  it.each([
    [
      'export default { broker_url: 1, "task_acks_late": true }',
      'export default { brokerUrl: 1, "taskAcksLate": true }',
    ],
    [
      '{\n  "BROKER_URL": "redis://",\n  "CELERYD_CONCURRENCY": 2\n}\n',
      '{\n  "brokerUrl": "redis://",\n  "workerConcurrency": 2\n}\n',
    ],
    [
      'export const broker_url: string = "x"\nexport default { broker_url }',
      'export const brokerUrl: string = "x"\nexport default { brokerUrl }',
    ],
    ['app.conf.task_acks_late = true', 'app.conf.taskAcksLate = true'],
    ["app.conf['task_acks_late'] = true", "app.conf['taskAcksLate'] = true"],
    [
      'new Celery("p", { task_routes: { a: `}${x({ b: 1 })}{` }, task_acks_late: true })',
      'new Celery("p", { taskRoutes: { a: `}${x({ b: 1 })}{` }, taskAcksLate: true })',
    ],
    [
      'const x = { broker_url: "a" } satisfies SettingsInput as const',
      'const x = { brokerUrl: "a" } satisfies SettingsInput as const',
    ],
  ])('%j', (source, expected) => {
    expect(renamed(source)).toBe(expected)
  })
})

describe('renameJavaScript leaves', () => {
  it.each([
    '// { broker_url: 1 }',
    '/* broker_url: 1 */',
    'const x = "broker_url: 1"',
    'const x = `{ broker_url: ${y} }`',
    'const x = process.env.BROKER_URL',
    'const x = env["BROKER_URL"]',
    'function f(a: string, broker_url: string) {}',
    'const x = y ? broker_url : 1',
    'const x = /{ broker_url: 1 }/',
    '{ "brokerUrl": 1, "timezone": "UTC" }',
  ])('%j', (source) => {
    expect(renamed(source)).toBe(source)
  })

  it('what it cannot read', () => {
    expect(() => renamed('const x = "')).toThrow(ImproperlyConfigured)
  })
})
