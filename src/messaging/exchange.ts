/** Exchanges as data: what a user writes, checked and completed, and what a transport declares. */
import { ImproperlyConfigured } from '../errors.ts'
import type { Channel, ExchangeDeclaration, ExchangeType } from '../transport/transport.ts'
import { checkOptions } from './options.ts'

/** An exchange as a user writes it. */
export interface ExchangeOptions {
  readonly name: string
  /** Default `direct`. */
  readonly type?: ExchangeType
  /** Outlives the broker's restart. Default true. */
  readonly durable?: boolean
  /** Goes with the last queue bound to it. Default false. */
  readonly autoDelete?: boolean
  /** How its messages are kept: 1 in memory, 2 on disk. Default: the message's own. */
  readonly deliveryMode?: 1 | 2
  readonly arguments?: Readonly<Record<string, unknown>>
  /** It is there already, and not declared by us. Default false. */
  readonly noDeclare?: boolean
}

/** A complete exchange. The empty name is the default exchange, where the routing key is the queue's name. */
export interface Exchange extends ExchangeDeclaration {
  readonly deliveryMode: 1 | 2 | undefined
  readonly noDeclare: boolean
}

const TYPES: readonly string[] = ['direct', 'topic', 'fanout', 'headers'] satisfies ExchangeType[]

const OPTION_NAMES: readonly string[] = [
  'name',
  'type',
  'durable',
  'autoDelete',
  'deliveryMode',
  'arguments',
  'noDeclare',
] satisfies (keyof ExchangeOptions)[]

/** A complete exchange from its name or options. Throws `ImproperlyConfigured` for an option that cannot be. */
export function createExchange(options: string | ExchangeOptions): Exchange {
  const given: ExchangeOptions = typeof options === 'string' ? { name: options } : options
  checkOptions(`exchange "${given.name}"`, given, OPTION_NAMES)
  const type = given.type ?? 'direct'
  if (!TYPES.includes(type)) {
    throw new ImproperlyConfigured(`Exchange "${given.name}" has the type "${type}"; there are ${TYPES.join(', ')}`)
  }
  return {
    name: given.name,
    type,
    durable: given.durable ?? true,
    autoDelete: given.autoDelete ?? false,
    arguments: given.arguments,
    deliveryMode: given.deliveryMode,
    noDeclare: given.noDeclare ?? false,
  }
}

/** Declare an exchange, unless it is the default one or not to be declared. */
export async function declareExchange(channel: Channel, exchange: Exchange): Promise<void> {
  if (exchange.name === '' || exchange.noDeclare) return
  const { name, type, durable, autoDelete } = exchange
  await channel.exchangeDeclare({ name, type, durable, autoDelete, arguments: exchange.arguments })
}
