/** Who takes part in the bench. */
import type { Contestant } from './contestants/contestant.ts'
import { EMBEDDED } from './contestants/embedded.ts'
import { RABBITMQ } from './contestants/rabbitmq.ts'
import { REDIS } from './contestants/redis.ts'

export const CONTESTANTS: readonly Contestant[] = [...EMBEDDED, ...REDIS, ...RABBITMQ]
