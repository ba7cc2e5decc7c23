import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { SqliteFiles } from '../../../../src/driver/sqlite.ts'
import { ConnectionError, ImproperlyConfigured } from '../../../../src/errors.ts'
import { sqliteTransport } from '../../../../src/transport/sqlite/transport.ts'
import type { Connection } from '../../../../src/transport/transport.ts'
import { transportContext } from '../../../support/context.ts'
import { message, openRaw, temporaryFile } from '../../../support/sqlite.ts'

describe('sqlite://', () => {
  const open: Connection[] = []
  afterEach(async () => {
    for (const connection of open.splice(0)) await connection.close()
  })

  async function connect(file: string, options = {}): Promise<Connection> {
    const connection = await sqliteTransport.connect(
      `sqlite:///${file}`,
      options,
      transportContext({ sqlite: new SqliteFiles() }),
    )
    open.push(connection)
    return connection
  }

  it('makes the file, and keeps what was sent', async () => {
    const file = temporaryFile()
    const connection = await connect(file)
    expect(existsSync(file)).toBe(true)
    expect(connection.features).toEqual({
      delayed: true,
      fanout: true,
      priority: 'highest-first',
      shared: true,
      events: 'topic',
      transient: false,
      once: true,
      fetches: true,
    })
    const channel = await connection.openChannel()
    await channel.basicPublish([{ exchange: '', routingKey: 'a', message: message('kept') }])
    await connection.close()
    const again = await (await connect(file)).openChannel()
    const [delivery] = await again.basicGet('a', 9)
    expect(delivery?.message.body).toBe('kept')
  })

  it('refuses options that it does not know', async () => {
    await expect(connect(temporaryFile(), { visibility: 3 })).rejects.toThrow(ImproperlyConfigured)
  })

  it('names a folder that is missing', async () => {
    const file = join(dirname(temporaryFile()), 'missing', 'a.db')
    await expect(connect(file)).rejects.toThrow(`The folder "${dirname(file)}"`)
  })

  it('says when a connection cannot be had now, and leaves nothing open', async () => {
    const file = temporaryFile()
    const shell = openRaw(file)
    shell.exec('BEGIN EXCLUSIVE')
    const files = new SqliteFiles()
    const context = transportContext({ sqlite: files })
    const attempt = sqliteTransport.connect(`sqlite:///${file}?busyTimeout=0.05`, {}, context)
    await expect(attempt).rejects.toThrow(ConnectionError)
    shell.exec('ROLLBACK')
    shell.close()
    // A database that is still open elsewhere would have the old patience.
    expect(files.open(file, { busyTimeoutMs: 1 })).toBeDefined()
    open.push(await sqliteTransport.connect(`sqlite:///${file}`, {}, context))
  })
})
