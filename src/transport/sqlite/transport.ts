/**
 * `sqlite:///jobs.db`: queues in a file, shared by all processes of this machine, with no server. Reads the URL and the
 * options; everything else is `store.ts` and the virtual channel.
 */
import { ConnectionError, OperationalError } from '../../errors.ts'
import type { Connection, Transport, TransportContext, TransportOptions } from '../transport.ts'
import { VirtualConnection } from '../virtual/connection.ts'
import { readSqliteOptions } from './options.ts'
import { readProcessTable } from './process.ts'
import { SqliteStore } from './store.ts'

/** How long a process that cannot be asked whether it lives keeps what it has taken, in seconds. */
const DEFAULT_LEASE = 30

export const sqliteTransport: Transport = {
  name: 'sqlite',
  async connect(url: string, options: TransportOptions, context: TransportContext): Promise<Connection> {
    const { file, lease, ...driver } = readSqliteOptions(url, options)
    const database = context.sqlite.open(file, driver)
    try {
      const store = await SqliteStore.open(database, {
        clock: context.clock,
        logger: context.logger,
        processes: readProcessTable(),
        leaseMs: (lease ?? DEFAULT_LEASE) * 1000,
      })
      return new VirtualConnection(store)
    } catch (error) {
      await database.release()
      if (!(error instanceof OperationalError)) throw error
      throw new ConnectionError(error.message, { cause: error })
    }
  },
}
