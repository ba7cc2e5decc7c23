/** Which beat store goes with a broker URL's scheme. Each is imported when its scheme is first used. */
import { AMQP_SCHEMES, REDIS_SCHEMES } from '../transport/registry.ts'
import { SchemeTable } from '../util/scheme-table.ts'
import type { Load, SchemeRow } from '../util/scheme-table.ts'
import type { BeatStore, BeatStoreContext, BeatStoreFactory } from './store.ts'

const ROWS: readonly SchemeRow<BeatStoreFactory>[] = [
  {
    scheme: 'memory',
    load: async () => {
      const { MemoryBeatStoreFactory } = await import('./store/memory.ts')
      return new MemoryBeatStoreFactory()
    },
  },
  {
    scheme: 'sqlite',
    load: async () => {
      const { sqliteBeatStore } = await import('./store/sqlite.ts')
      return sqliteBeatStore
    },
  },
  // Each is a row of its own, as with transports: the driver needs to see which one it was.
  ...REDIS_SCHEMES.map((scheme) => ({ scheme, load: loadRedis })),
  ...AMQP_SCHEMES.map((row) => ({ ...row, load: loadAmqp })),
]

async function loadAmqp(): Promise<BeatStoreFactory> {
  const { amqpBeatStore } = await import('./store/amqp.ts')
  return amqpBeatStore
}

async function loadRedis(): Promise<BeatStoreFactory> {
  const { redisBeatStore } = await import('./store/redis.ts')
  return redisBeatStore
}

/** The beat stores of one app. Those that keep state (`memory://`) are shared by all who use the same registry. */
export class BeatStoreRegistry {
  readonly #table: SchemeTable<BeatStoreFactory> = new SchemeTable('beat store', ROWS, [])

  /** Add a store, or put it in the place of ours. `load` is called when the scheme is first used. */
  registerBeatStore(scheme: string, load: Load<BeatStoreFactory>, aliases: readonly string[] = []): void {
    this.#table.register({ scheme, aliases, load })
  }

  /** Open the store that goes with a broker's URL. Rejects with `ImproperlyConfigured`, and as opening does. */
  async open(url: string, context: BeatStoreContext): Promise<BeatStore> {
    const { found, url: canonical } = await this.#table.find(url)
    return found.open(canonical, context)
  }
}
