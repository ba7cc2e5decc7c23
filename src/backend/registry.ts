/**
 * Which result backend speaks a URL's scheme. Each is imported when its scheme is first used, so that nobody needs the
 * client library of a server that is not theirs.
 */
import { SchemeTable } from '../util/scheme-table.ts'
import type { Load, SchemeRow } from '../util/scheme-table.ts'
import type { BackendContext, BackendFactory, BackendOptions, ResultBackend } from './backend.ts'

const ROWS: readonly SchemeRow<BackendFactory>[] = [
  {
    scheme: 'memory',
    aliases: ['cache+memory'],
    load: async () => {
      const { MemoryBackendFactory } = await import('./memory.ts')
      return new MemoryBackendFactory()
    },
  },
  {
    scheme: 'sqlite',
    aliases: ['db+sqlite'],
    load: async () => {
      const { sqliteBackend } = await import('./sqlite.ts')
      return sqliteBackend
    },
  },
  ...['redis', 'rediss', 'sentinel'].map((scheme) => ({ scheme, load: loadRedis })),
  { scheme: 'socket', aliases: ['redis+socket'], load: loadRedis },
  { scheme: 'rediscluster', aliases: ['redis+cluster'], load: loadRedis },
  {
    scheme: 'rpc',
    load: async () => {
      const { rpcBackend } = await import('./rpc.ts')
      return rpcBackend
    },
  },
  {
    scheme: 'disabled',
    load: async () => {
      const { disabledBackend } = await import('./disabled.ts')
      return disabledBackend
    },
  },
]

async function loadRedis(): Promise<BackendFactory> {
  const { redisBackend } = await import('./redis.ts')
  return redisBackend
}

/** Backends of Celery that a user may ask for and that are not in the table above. */
const UNSUPPORTED: readonly string[] = [
  ...['amqp', 'cache', 'cache+memcached', 'memcached'],
  ...['cache+pylibmc', 'db', 'database', 'db+postgresql', 'db+mysql', 'db+oracle', 'postgresql', 'mysql', 'mongodb'],
  ...['file', 'filesystem', 'cassandra', 'elasticsearch', 'couchbase', 'couchdb', 'cosmosdbsql', 'consul', 'dynamodb'],
  ...['azureblockblob', 'arangodb', 's3', 'gs', 'riak', 'django-db', 'django-cache', 'ironcache'],
]

/** The result backends of one app. Backends that keep state (`memory://`) are shared by all who use the same registry. */
export class BackendRegistry {
  readonly #table: SchemeTable<BackendFactory> = new SchemeTable('result backend', ROWS, UNSUPPORTED)

  /** Add a backend, or put it in the place of ours. `load` is called when the scheme is first used. */
  registerBackend(scheme: string, load: Load<BackendFactory>, aliases: readonly string[] = []): void {
    this.#table.register({ scheme, aliases, load })
  }

  /** The schemes that are spoken here. */
  schemes(): string[] {
    return this.#table.schemes()
  }

  /** Are results messages, with the backend for `url`? Opens nothing. Rejects with `ImproperlyConfigured`. */
  async sendsReplies(url: string): Promise<boolean> {
    const { found } = await this.#table.find(url)
    return found.sendsReplies ?? false
  }

  /** Open the backend for `url`. Rejects with `ImproperlyConfigured` or `MissingDriver`. */
  async open(url: string, options: BackendOptions, context: BackendContext): Promise<ResultBackend> {
    const { found, url: canonical } = await this.#table.find(url)
    return found.open(canonical, options, context)
  }
}
