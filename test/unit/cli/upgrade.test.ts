import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let cwd: string

beforeEach(() => {
  cwd = temporaryDirectory()
})

function write(name: string, content: string | Uint8Array): void {
  writeFileSync(join(cwd, name), content)
}

function read(name: string): string {
  return readFileSync(join(cwd, name), 'utf8')
}

const upgrade = (...argv: readonly string[]) => runCommandLine(['upgrade', 'settings', ...argv], { cwd })

describe('upgrade settings', () => {
  it.each([
    ['celeryconfig.py', [], 'BROKER_URL = 1\n', 'broker_url = 1\n'],
    ['settings.py', ['--django'], 'BROKER_URL = 1\nDEBUG = True\n', 'CELERY_BROKER_URL = 1\nDEBUG = True\n'],
    ['settings.py', ['--compat'], 'CELERYD_POOL = 1\n', 'CELERY_WORKER_POOL = 1\n'],
    ['settings.ts', [], 'export default { broker_url: 1 }\n', 'export default { brokerUrl: 1 }\n'],
    ['settings.mjs', [], 'export default { broker_url: 1 }\n', 'export default { brokerUrl: 1 }\n'],
    ['settings.json', [], '{ "broker_url": 1 }\n', '{ "brokerUrl": 1 }\n'],
    ['settings.yaml', [], 'broker_url: 1\nx:\n  broker_url: 1\n', 'brokerUrl: 1\nx:\n  broker_url: 1\n'],
  ])('%s %j', async (name, options, before, after) => {
    write(name, before)
    const { code, stdout, stderr } = await upgrade(name, ...options)
    expect([code, stdout, stderr]).toEqual([0, `1 line of ${name} changed.\n`, ''])
    expect(read(name)).toBe(after)
    expect(read(`${name}.orig`)).toBe(before)
    expect(readdirSync(cwd).sort()).toEqual([name, `${name}.orig`])
  })

  it('says so where there is nothing to do, and leaves no backup', async () => {
    write('a.py', 'broker_url = 1\n')
    expect((await upgrade('a.py')).stdout).toBe('Does not seem to require any changes :-)\n')
    expect(existsSync(join(cwd, 'a.py.orig'))).toBe(false)
  })

  it('shows what would change, and changes nothing', async () => {
    write('a.py', '# mine\nBROKER_URL = 1\n')
    const { stdout } = await upgrade('a.py', '--dry-run')
    expect(stdout).toBe('--- a.py\n+++ a.py\n@@ -2 +2 @@\n-BROKER_URL = 1\n+broker_url = 1\n')
    expect(readdirSync(cwd)).toEqual(['a.py'])
    const { stdout: json } = await upgrade('a.py', '--dry-run', '--json')
    expect(JSON.parse(json)).toEqual({
      file: 'a.py',
      lines: [{ line: 2, before: 'BROKER_URL = 1', after: 'broker_url = 1' }],
    })
  })

  it('keeps the mode, and links', async () => {
    write('real.py', 'BROKER_URL = 1\n')
    chmodSync(join(cwd, 'real.py'), 0o640)
    symlinkSync('real.py', join(cwd, 'link.py'))
    await upgrade('link.py', '--no-backup')
    expect(read('real.py')).toBe('broker_url = 1\n')
    expect(statSync(join(cwd, 'real.py')).mode & 0o777).toBe(0o640)
    expect(readdirSync(cwd).sort()).toEqual(['link.py', 'real.py'])
  })

  it.each([
    ['nowhere.py', [], /nowhere\.py cannot be read: ENOENT/],
    ['a.txt', [], /is no settings file/],
    ['latin.py', [], /is not UTF-8/],
    ['bad.ts', [], /cannot be read/],
    ['a.json', ['--django'], /for Python files/],
  ])('refuses %s %j', async (name, options, message) => {
    write('a.txt', 'BROKER_URL = 1')
    write('a.json', '{ "BROKER_URL": 1 }')
    write('latin.py', Buffer.from('BROKER_URL = "\xe4"', 'latin1'))
    write('bad.ts', 'const x = "')
    const before = readdirSync(cwd)
    const { code, stderr } = await upgrade(name, ...options)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect(readdirSync(cwd)).toEqual(before)
  })

  it('does not overwrite the backup of another day', async () => {
    write('a.py', 'BROKER_URL = 1\n')
    write('a.py.orig', 'the first of all\n')
    const { code, stderr } = await upgrade('a.py')
    expect(code).toBe(1)
    expect(stderr).toMatch(/a\.py\.orig is there already.*--no-backup/)
    expect([read('a.py'), read('a.py.orig')]).toEqual(['BROKER_URL = 1\n', 'the first of all\n'])
  })
})
