/**
 * Which transport speaks a broker URL's scheme. Each is imported when its scheme is first used, so that nobody needs
 * the client library of a broker that is not theirs.
 */
import { SchemeTable } from '../util/scheme-table.ts'
import type { Found, Load, SchemeRow } from '../util/scheme-table.ts'
import type { Transport } from './transport.ts'

/** Each is a row of its own: the driver needs to see which one it was. */
export const REDIS_SCHEMES: readonly string[] = [
  'redis',
  'rediss',
  'redis+socket',
  'socket',
  'sentinel',
  'rediscluster',
  'redis+cluster',
]

/** With kombu's names for its two AMQP clients. */
export const AMQP_SCHEMES: readonly Omit<SchemeRow<unknown>, 'load'>[] = [
  { scheme: 'amqp', aliases: ['pyamqp', 'librabbitmq'] },
  { scheme: 'amqps' },
]

async function loadRedis(): Promise<Transport> {
  const { redisTransport } = await import('./redis/transport.ts')
  return redisTransport
}

const ROWS: readonly SchemeRow<Transport>[] = [
  {
    scheme: 'memory',
    load: async () => {
      const { MemoryTransport } = await import('./memory.ts')
      return new MemoryTransport()
    },
  },
  {
    scheme: 'sqlite',
    load: async () => {
      const { sqliteTransport } = await import('./sqlite/transport.ts')
      return sqliteTransport
    },
  },
  ...REDIS_SCHEMES.map((scheme) => ({ scheme, load: loadRedis })),
  ...AMQP_SCHEMES.map((row) => ({
    ...row,
    load: async (): Promise<Transport> => {
      const { amqpTransport } = await import('./amqp/transport.ts')
      return amqpTransport
    },
  })),
]

/** Brokers of Celery (kombu) that a user may ask for and that are not in the table above. */
const UNSUPPORTED: readonly string[] = [
  ...[
    'sqla',
    'sqlalchemy',
    'sqla+sqlite',
    'sqla+postgresql',
    'sqla+mysql',
    'sqlalchemy+sqlite',
    'sqlalchemy+postgresql',
  ],
  ...['postgresql', 'mysql', 'mongodb', 'filesystem', 'sqs', 'zookeeper', 'consul', 'etcd', 'slmq', 'pyro', 'qpid'],
  ...['azurestoragequeues', 'azureservicebus', 'gcpubsub', 'confluentkafka'],
]

/** The transports of one app. Transports that keep state (`memory://`) are shared by all who use the same registry. */
export class TransportRegistry {
  readonly #table: SchemeTable<Transport> = new SchemeTable('broker', ROWS, UNSUPPORTED)

  /** Add a transport, or put it in the place of ours. `load` is called when the scheme is first used. */
  registerTransport(scheme: string, load: Load<Transport>, aliases: readonly string[] = []): void {
    this.#table.register({ scheme, aliases, load })
  }

  /** The schemes that are spoken here. */
  schemes(): string[] {
    return this.#table.schemes()
  }

  /** The transport for `url`, and the URL as it understands it. Rejects with `ImproperlyConfigured`, `MissingDriver`. */
  find(url: string): Promise<Found<Transport>> {
    return this.#table.find(url)
  }
}
