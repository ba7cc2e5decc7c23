import { expect, it } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

it('prints the report of an app, or of an empty one', async () => {
  const { code, stdout } = await runCommandLine(['-b', 'memory://', 'report'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/software -> celeriac:\d+\.\d+\.\d+ node:/)
  expect(stdout).toMatch(/packages -> .*@redis\/client:\d/)
  expect(stdout).toContain("broker_url: 'memory://'")
})

it('prints JSON for programs', async () => {
  const { stdout } = await runCommandLine(['-b', 'memory://', 'report', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ transport: ['memory'], settings: { broker_url: 'memory://' } })
})
