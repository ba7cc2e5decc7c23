import { Option } from 'commander'
import { expect, it, vi } from 'vitest'
import { describeOption, Program } from '../../../src/cli/command.ts'

it('names the variables of options as Celery does, of flags only where they say yes', () => {
  const command = new Program('celeriac').command('worker').option('-t, --time-limit <n>', 'x').option('--purge', 'y')
  expect(command.options.map((option) => option.envVar)).toEqual(['CELERY_WORKER_TIME_LIMIT', undefined])
  vi.stubEnv('CELERY_WORKER_PURGE', 'yes')
  vi.stubEnv('CELERY_WORKER_EVENTS', '0')
  const second = new Program('celeriac').command('worker').option('--purge', 'y').option('--events', 'y')
  expect(second.options.map((option) => option.envVar)).toEqual(['CELERY_WORKER_PURGE', undefined])
  vi.unstubAllEnvs()
  expect(new Program('celeriac').option('--app <file>', 'x').options[0]?.envVar).toBeUndefined()
})

it('tells defaults of values, not of flags', () => {
  expect(describeOption(new Option('-t <n>', 'seconds').default(1))).toBe('seconds (default: 1)')
  expect(describeOption(new Option('--no-color', 'no colours').default(true))).toBe('no colours')
  expect(describeOption(new Option('--queue <name>', 'the queue'))).toBe('the queue')
})
