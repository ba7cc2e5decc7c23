import { describe, expect, expectTypeOf, it } from 'vitest'
import { camelCase, snakeCase } from '../../../src/util/case.ts'
import type { SnakeCase } from '../../../src/util/case.ts'

const pairs = [
  ['taskAcksLate', 'task_acks_late'],
  ['timezone', 'timezone'],
  ['s3AccessKeyId', 's3_access_key_id'],
  ['resultBackendMaxSleepBetweenRetriesMs', 'result_backend_max_sleep_between_retries_ms'],
] as const

describe('case', () => {
  it.each(pairs)('%s is %s', (camel, snake) => {
    expect(snakeCase(camel)).toBe(snake)
    expect(camelCase(snake)).toBe(camel)
  })

  it('leaves alone what is right already', () => {
    expect(snakeCase('task_acks_late')).toBe('task_acks_late')
    expect(camelCase('taskAcksLate')).toBe('taskAcksLate')
    expect(camelCase('__proto__')).toBe('__proto__')
    expect(camelCase('_x')).toBe('_x')
    expect(camelCase('')).toBe('')
  })

  it('is known to the compiler', () => {
    expectTypeOf<SnakeCase<'taskAcksLate'>>().toEqualTypeOf<'task_acks_late'>()
    expectTypeOf<SnakeCase<'s3BasePath'>>().toEqualTypeOf<'s3_base_path'>()
  })
})
