import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { SchemeTable } from '../../../src/util/scheme-table.ts'

function table(): { table: SchemeTable<string>; loads: string[] } {
  const loads: string[] = []
  const row = (scheme: string, aliases: string[] = []) => ({
    scheme,
    aliases,
    load: async () => {
      loads.push(scheme)
      return `the ${scheme}`
    },
  })
  return { table: new SchemeTable('broker', [row('memory'), row('amqp', ['pyamqp'])], ['qpid']), loads }
}

describe('SchemeTable', () => {
  it('finds by scheme, any case, and loads once', async () => {
    const { table: schemes, loads } = table()
    expect(await schemes.find('MEMORY://')).toEqual({ found: 'the memory', url: 'memory://' })
    await Promise.all([schemes.find('memory://'), schemes.find('memory')])
    expect(loads).toEqual(['memory'])
  })

  it('knows other spellings and gives the URL under the first', async () => {
    expect(await table().table.find('pyamqp://u:p@h//')).toEqual({ found: 'the amqp', url: 'amqp://u:p@h//' })
    expect(table().table.schemes()).toEqual(['memory', 'amqp'])
  })

  it('suggests the nearest scheme', async () => {
    const finding = table().table.find('memroy://')
    await expect(finding).rejects.toThrow(ImproperlyConfigured)
    await expect(finding).rejects.toThrow('There is no broker scheme "memroy"; did you mean "memory"?')
  })

  it('lists what there is where nothing is near', async () => {
    await expect(table().table.find('zzz://')).rejects.toThrow(
      'There is no broker scheme "zzz"; available: memory, amqp',
    )
  })

  it('says plainly what Celery knows and we do not', async () => {
    await expect(table().table.find('qpid://u:secret@h')).rejects.toThrow(
      'celeriac does not speak the broker scheme "qpid" of Celery; available: memory, amqp',
    )
  })

  it('takes new schemes and replacements', async () => {
    const { table: schemes } = table()
    schemes.register({ scheme: 'qpid', load: async () => 'theirs' })
    schemes.register({ scheme: 'memory', load: async () => 'better' })
    expect((await schemes.find('qpid://')).found).toBe('theirs')
    expect((await schemes.find('memory://')).found).toBe('better')
  })

  it('loads again after a failure', async () => {
    let fail = true
    const schemes = new SchemeTable<string>('broker', [], [])
    schemes.register({
      scheme: 'x',
      load: async () => {
        if (fail) throw new Error('not installed')
        return 'x'
      },
    })
    await expect(schemes.find('x://')).rejects.toThrow('not installed')
    fail = false
    expect((await schemes.find('x://')).found).toBe('x')
  })
})
