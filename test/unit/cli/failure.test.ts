import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { importModule } from '../../../src/app/loader.ts'
import { describeError, exitCodeOf } from '../../../src/cli/failure.ts'
import { ConnectionError, ImproperlyConfigured, OperationalError } from '../../../src/errors.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

it.each([
  [new OperationalError('x'), 69],
  [new ConnectionError('x'), 69],
  [new ImproperlyConfigured('x'), 1],
  [new Error('x'), 1],
  ['x', 1],
])('%o ends with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})

it('is short for errors that say what to do', () => {
  expect(describeError(new ImproperlyConfigured('Write this instead'))).toBe('Write this instead')
})

it.each(['app.ts', 'app.mjs'])('shows the lines of the user’s files for an error in %s', async (name) => {
  const folder = temporaryDirectory()
  writeFileSync(join(folder, 'deep.mjs'), '\n\nexport function fail() {\n  throw new RangeError("boom")\n}\n')
  const file = join(folder, name)
  writeFileSync(file, "import { fail } from './deep.mjs'\n\nfail()\n")
  const error: unknown = await importModule(file).catch((reason: unknown) => reason)
  const [first, ...frames] = describeError(error).split('\n')
  expect(first).toBe(`${file} could not be loaded. RangeError: boom`)
  // Those of the test runner follow.
  expect(frames.join()).not.toMatch(/node:|jiti|src.app/)
  expect(frames[0]).toMatch(/at fail \(.*deep\.mjs:4:9\)/)
  expect(frames[1]).toMatch(new RegExp(`at .*${name.replace('.', '\\.')}:3`))
})

it('is whole for all others', () => {
  expect(describeError(new TypeError('oops'))).toMatch(/TypeError: oops\n {4}at .*failure\.test\.ts/)
  expect(describeError('thrown text')).toBe('thrown text')
})
