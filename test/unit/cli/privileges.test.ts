import { execFileSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkRoot, dropPrivileges } from '../../../src/cli/privileges.ts'
import type { Account, Identity } from '../../../src/cli/privileges.ts'
import { ImproperlyConfigured, SecurityError } from '../../../src/errors.ts'
import { ROOT } from '../../support/sources.ts'

/** A process of this user; root becomes whom it likes, and `leaky` root again. */
function processOf(uid: number, leaky = false) {
  const state = { uid, done: [] as string[] }
  const identity: Identity = {
    getuid: () => state.uid,
    geteuid: () => state.uid,
    setuid: (id: Account) => {
      if (state.uid !== 0 && !leaky) throw new Error('EPERM')
      state.done.push(`setuid ${String(id)}`)
      state.uid = Number(id)
    },
    setgid: (id: Account) => void state.done.push(`setgid ${String(id)}`),
    setgroups: (groups: readonly Account[]) => void state.done.push(`setgroups ${groups.join()}`),
    initgroups: (user: Account, group: Account) => void state.done.push(`initgroups ${String(user)} ${String(group)}`),
  }
  return { identity, state }
}

describe('dropPrivileges', () => {
  it('sets groups, group and user, in this order', () => {
    const { identity, state } = processOf(0)
    dropPrivileges(1234, 'staff', identity)
    expect(state.done).toEqual(['setgroups staff', 'initgroups 1234 staff', 'setgid staff', 'setuid 1234'])
  })

  it('takes the group of a user by its name', () => {
    const { identity, state } = processOf(0)
    dropPrivileges('nobody', undefined, identity)
    const [uid, gid] = ['-u', '-g'].map((what) => execFileSync('id', [what, 'nobody'], { encoding: 'utf8' }).trim())
    expect(state.done).toContain(`initgroups nobody ${String(gid)}`)
    expect(state.done.at(-1)).toBe(`setuid ${String(uid)}`)
  })

  it('does nothing where nothing is asked for, or it is that user already', () => {
    const { identity, state } = processOf(1234)
    dropPrivileges(undefined, undefined, identity)
    dropPrivileges(1234, undefined, identity)
    expect(state.done).toEqual([])
  })

  it.each([[1235, undefined] as const, [undefined, 5] as const])('is for root: %j', (user, group) => {
    expect(() => {
      dropPrivileges(user, group, processOf(1234).identity)
    }).toThrow(/Only root/)
  })

  it('refuses a way back', () => {
    expect(() => {
      dropPrivileges(1234, 5, processOf(0, true).identity)
    }).toThrow(SecurityError)
  })

  it('knows no user that there is not', () => {
    expect(() => {
      dropPrivileges('no-such-user', undefined, processOf(0).identity)
    }).toThrow(ImproperlyConfigured)
  })

  it.skipIf(process.getuid?.() !== 0)('drops them in fact', () => {
    const module = pathToFileURL(`${ROOT}/dist/cli/privileges.js`).href
    const program = `
      import { dropPrivileges } from ${JSON.stringify(module)}
      dropPrivileges('nobody', undefined)
      const back = [() => process.setuid(0), () => process.setgid(0), () => process.setgroups([0])].filter((way) => {
        try { way(); return true } catch { return false }
      })
      console.log(process.getuid() === 0, process.getgroups().includes(0), back.length)`
    const args = ['--input-type=module', '--eval', program]
    expect(execFileSync(process.execPath, args, { encoding: 'utf8', cwd: '/' })).toBe('false false 0\n')
  })
})

describe('checkRoot', () => {
  const outside = (): boolean => false

  it('refuses pickle to root, unless forced', () => {
    const root = processOf(0).identity
    expect(() => checkRoot(['json', 'pickle'], {}, outside, root)).toThrow(SecurityError)
    expect(checkRoot(['pickle'], { C_FORCE_ROOT: '1' }, outside, root).warning).toBeUndefined()
    expect(checkRoot(['pickle'], {}, outside, processOf(5).identity).warning).toBeUndefined()
  })

  it('warns root otherwise, but not in a container', () => {
    const root = processOf(0).identity
    expect(checkRoot(['json'], {}, outside, root).warning).toMatch(/runs as root/)
    expect(checkRoot(['json'], {}, () => true, root).warning).toBeUndefined()
  })
})
