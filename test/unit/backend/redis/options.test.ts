import { expect, it } from 'vitest'
import { readRedisBackendOptions } from '../../../../src/backend/redis/options.ts'
import { ImproperlyConfigured } from '../../../../src/errors.ts'

it('has Celery’s defaults', () => {
  expect(readRedisBackendOptions('redis://h', {})).toEqual({
    keyPrefix: '',
    retry: { maxRetries: 20, startMs: 0, stepMs: 1000, maxMs: 1000 },
    connection: {},
  })
})

it('takes its own options, in both spellings, and leaves the rest to the driver', () => {
  const policy = { max_retries: 3, interval_start: 0.1, intervalStep: 0.2, interval_max: 5 }
  const options = { global_keyprefix: 'app', retry_policy: policy, visibility_timeout: 1, socket_timeout: 5 }
  expect(readRedisBackendOptions('redis://h', options)).toEqual({
    keyPrefix: 'app',
    retry: { maxRetries: 3, startMs: 100, stepMs: 200, maxMs: 5000 },
    connection: { socketTimeout: 5 },
  })
  expect(readRedisBackendOptions('redis://h', { retryPolicy: { maxRetries: null } }).retry.maxRetries).toBe(Infinity)
})

it.each([
  { globalKeyprefix: 5 },
  { retryPolicy: { maxRetries: 'many' } },
  { retryPolicy: { intervalStep: -1 } },
  { globalKeyPrefixx: 'x' },
])('refuses %j', (options) => {
  expect(() => readRedisBackendOptions('redis://h', options)).toThrow(ImproperlyConfigured)
})
