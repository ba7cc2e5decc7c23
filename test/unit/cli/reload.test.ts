import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isReloaded, reload } from '../../../src/cli/reload.ts'
import { Session } from '../../../src/cli/session.ts'
import { FakeProcess } from '../../support/command-line.ts'

/** `celeriac x --reload`, whose work is this program. */
function start(program: string) {
  const fake = new FakeProcess({ env: {} })
  const script = join(fake.cwd(), 'work.mjs')
  writeFileSync(script, program)
  const process = Object.assign(fake, { argv: ['node', script, 'x'] })
  return { process, code: reload(new Session({ color: false }, process)) }
}

it('ends with work that ends without an error, and says in its environment that it is the one', async () => {
  const { code, process } = start(`process.exit(process.env.CELERIAC_RELOADED === '1' ? 0 : 1)`)
  expect(await code).toBe(0)
  expect(process.eventNames()).toEqual([])
})

it('hands signals on, and ends with the exit code of the work', async () => {
  const { code, process } = start(
    `process.on('SIGINT', () => process.exit(7)); process.kill(process.ppid, 0); setInterval(() => {}, 1000)`,
  )
  const again = setInterval(() => process.emit('SIGINT', 'SIGINT'), 200)
  // Before it listens, the signal ends it with no code at all.
  expect([7, 1]).toContain(await code)
  clearInterval(again)
})

it('isReloaded is true once', () => {
  const env = { CELERIAC_RELOADED: '1' }
  expect([isReloaded(env), isReloaded(env)]).toEqual([true, false])
})
