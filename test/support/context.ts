/** What transports and backends are given besides their URL, for tests: the system's clock, no log, no SQLite, JSON. */
import type { BackendContext } from '../../src/backend/backend.ts'
import type { SqliteRegistry } from '../../src/driver/sqlite.ts'
import { json } from '../../src/serialization/json.ts'
import type { TransportContext } from '../../src/transport/transport.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silentLogger } from '../../src/util/logger.ts'

/** For drivers that open no SQLite file. */
export const noSqlite: SqliteRegistry = {
  open: () => {
    throw new Error('No SQLite here')
  },
}

export function transportContext(changes: Partial<TransportContext> = {}): TransportContext {
  return { logger: silentLogger(), clock: systemClock, sqlite: noSqlite, ...changes }
}

export function backendContext(changes: Partial<BackendContext> = {}): BackendContext {
  return {
    ...transportContext(),
    serializer: json,
    resultExpiresMs: undefined,
    connect: () => {
      throw new Error('No broker here')
    },
    redis: {},
    brokerUrls: [],
    replyTo: 'replies',
    resultPersistent: false,
    decodeResult: ({ body }) => json.decode(body),
    ...changes,
  }
}
