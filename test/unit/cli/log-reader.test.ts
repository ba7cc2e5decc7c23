import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { readLogs, type LoggedRecord } from '../../../src/cli/log-reader.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let folder: string

beforeEach(() => {
  folder = temporaryDirectory()
})

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function read(files: readonly string[], stdin = ''): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = []
  for await (const record of readLogs(files, Readable.from([stdin]))) records.push(record)
  return records
}

const HEAD = '[2026-11-21 10:00:00,123: ERROR/ForkPoolWorker-1]'

describe('readLogs', () => {
  it('gives each record what stands below it', async () => {
    const log = file('a.log', `lost\n${HEAD} one\n  File "x"\n\nKeyError\n${HEAD} two\r\n`)
    expect(await read([log])).toEqual([
      { line: `${HEAD} one`, message: 'one', below: ['  File "x"', '', 'KeyError'] },
      { line: `${HEAD} two`, message: 'two', below: [] },
    ])
  })

  it.each([
    [{ message: 'one' }, []],
    [{ message: 'one\ntwo' }, ['two']],
    [{ message: 'one', stack: 'Error: x\n at y' }, ['Error: x', ' at y']],
    [{ message: 'one', error: { stack: 'Error: x' } }, ['Error: x']],
    [{ message: 'one', error: { message: 'x' } }, ['x']],
    [{ message: 'one', exc_info: 3, error: { x: 1 } }, []],
  ])('reads JSON: %j', async (record, below) => {
    const line = JSON.stringify({ time: '2026-11-21T10:00:00Z', level: 'INFO', ...record })
    expect(await read([file('a.log', `${line}\n`)])).toEqual([{ line, message: 'one', below }])
  })

  it('takes other lines with braces for what they are', async () => {
    const [record] = await read([file('a.log', `${HEAD} one\n{\n{"message": 1}\n{"x": \n`)])
    expect(record?.below).toEqual(['{', '{"message": 1}', '{"x": '])
  })

  it('reads several files, packed ones, and standard input', async () => {
    const plain = file('a.log', `${HEAD} 1\n`)
    const packed = file('b.log.gz', gzipSync(`${HEAD} 2\n`))
    const messages = async (files: readonly string[]) =>
      (await read(files, `${HEAD} 3\n`)).map(({ message }) => message)
    expect(await messages([plain, packed, '-'])).toEqual(['1', '2', '3'])
    expect(await messages([])).toEqual(['3'])
  })

  it.each(['nowhere.log', 'nowhere.log.gz', '.'])('names a file that cannot be read: %s', async (name) => {
    await expect(read([join(folder, name)])).rejects.toThrow(ImproperlyConfigured)
  })

  it('names a packed file that is none', async () => {
    await expect(read([file('a.gz', 'not packed')])).rejects.toThrow(/a\.gz cannot be read: incorrect header/)
  })
})
