import { expect, it } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }
import { packageVersion } from '../../../src/cli/version.ts'

it('is what package.json says', () => {
  expect(packageVersion()).toBe(packageJson.version)
})
