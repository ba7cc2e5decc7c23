import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isAlive, Pidfile } from '../../../src/cli/pidfile.ts'
import { AlreadyRunning, ImproperlyConfigured } from '../../../src/errors.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** A system in which only these processes live. */
function system(pid: number, ...alive: number[]) {
  return {
    pid,
    kill: (other: number) => {
      if (!alive.includes(other)) throw Object.assign(new Error('no such process'), { code: 'ESRCH' })
    },
  }
}

function file(content?: string): string {
  const path = join(temporaryDirectory(), 'w.pid')
  if (content !== undefined) writeFileSync(path, content)
  return path
}

describe('acquire', () => {
  it('writes the process id, and leaves nothing else behind', () => {
    const path = file()
    new Pidfile(path, system(1000)).acquire()
    expect(readFileSync(path, 'utf8')).toBe('1000\n')
    expect(readdirSync(join(path, '..'))).toEqual(['w.pid'])
  })

  it('refuses where the owner lives', () => {
    const path = file('77\n')
    expect(() => {
      new Pidfile(path, system(1000, 77)).acquire()
    }).toThrow(new AlreadyRunning(path, 77))
    expect(readFileSync(path, 'utf8')).toBe('77\n')
  })

  it('takes over a file whose process is gone, or has the id that this one has now', () => {
    for (const content of ['77\n', '1000\n']) {
      const path = file(content)
      new Pidfile(path, system(1000, 1000)).acquire()
      expect(readFileSync(path, 'utf8')).toBe('1000\n')
      expect(readdirSync(join(path, '..'))).toEqual(['w.pid'])
    }
  })

  it('never overwrites what is no pidfile', () => {
    const path = file('export const app = 1')
    expect(() => {
      new Pidfile(path, system(1000)).acquire()
    }).toThrow(/holds no process id/)
    expect(readFileSync(path, 'utf8')).toBe('export const app = 1')
  })

  it('says what is wrong with the folder', () => {
    expect(() => {
      new Pidfile('/nowhere/w.pid', system(1000)).acquire()
    }).toThrow(ImproperlyConfigured)
  })
})

describe('release', () => {
  it('removes its own file only, and may be called twice', () => {
    const path = file()
    const pidfile = new Pidfile(path, system(1000))
    pidfile.acquire()
    pidfile.release()
    pidfile.release()
    expect(pidfile.read()).toBeUndefined()
    writeFileSync(path, '77\n')
    pidfile.release()
    expect(pidfile.read()).toBe(77)
  })
})

it('owner is the process that lives', () => {
  expect(new Pidfile(file('77\n'), system(1, 77)).owner()).toBe(77)
  expect(new Pidfile(file('77\n'), system(1)).owner()).toBeUndefined()
  expect(new Pidfile(file(), system(1)).owner()).toBeUndefined()
})

it('isAlive knows this process', () => {
  expect([isAlive(process.pid), isAlive(2 ** 22 + 1)]).toEqual([true, false])
})
