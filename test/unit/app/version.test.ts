import { expect, it } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }
import { optionalPackages, packageVersion } from '../../../src/app/version.ts'

it('is what package.json says', () => {
  expect(packageVersion()).toBe(packageJson.version)
  expect(optionalPackages()).toEqual(expect.arrayContaining(['@redis/client', 'amqplib']))
})
