/** The commands of `celeriac amqp`: their names, which are AMQP's, their arguments, and what each does on a channel. */
import { ImproperlyConfigured } from '../errors.ts'
import type { Channel, Delivery, ExchangeType } from '../transport/transport.ts'
import { didYouMean } from '../util/suggest.ts'
import { count } from './output.ts'

/** What a command answers: a sentence for people, and the same for programs. */
export interface AmqpReply {
  readonly text?: string
  readonly value: unknown
}

/** One argument. A switch may be left out, and is off then. */
interface Parameter {
  readonly name: string
  readonly kind: 'text' | 'switch' | 'number'
  readonly choices?: readonly string[]
}

/** The arguments that were given, by name. */
type Given = Readonly<Record<string, string>>

/** A row of the table. */
export interface AmqpCommand {
  readonly about: string
  readonly parameters: readonly Parameter[]
  readonly run: (channel: Channel, given: Given) => Promise<AmqpReply>
}

const EXCHANGE_TYPES: readonly string[] = ['direct', 'topic', 'fanout', 'headers'] satisfies ExchangeType[]
const OK: AmqpReply = { value: { ok: true } }

/** All of them, in the order of the help. */
export const AMQP_COMMANDS: Readonly<Record<string, AmqpCommand>> = {
  'exchange.declare': {
    about: 'Declare an exchange.',
    parameters: [text('exchange'), text('type', EXCHANGE_TYPES), ...switches('passive', 'durable', 'auto_delete')],
    run: declareExchange,
  },
  'exchange.delete': {
    about: 'Delete an exchange, and the bindings to it.',
    parameters: [text('exchange'), ...switches('if_unused')],
    run: async (channel, given) => {
      await channel.exchangeDelete(given['exchange'] ?? '', { ifUnused: isOn(given['if_unused']) })
      return OK
    },
  },
  'queue.bind': {
    about: 'Bind a queue to an exchange.',
    parameters: [text('queue'), text('exchange'), text('routing_key')],
    run: async (channel, { queue = '', exchange = '', routing_key: routingKey = '' }) => {
      await channel.queueBind({ queue, exchange, routingKey })
      return OK
    },
  },
  'queue.declare': {
    about: 'Declare a queue; with passive, only look whether it is there.',
    parameters: [text('queue'), ...switches('passive', 'durable', 'auto_delete')],
    run: declareQueue,
  },
  'queue.delete': {
    about: 'Delete a queue, and what waits in it.',
    parameters: [text('queue'), ...switches('if_unused', 'if_empty')],
    run: async (channel, { queue = '', ...given }) => {
      const options = { ifUnused: isOn(given['if_unused']), ifEmpty: isOn(given['if_empty']) }
      return removed(await channel.queueDelete(queue, options))
    },
  },
  'queue.purge': {
    about: 'Throw away what waits in a queue.',
    parameters: [text('queue')],
    run: async (channel, { queue = '' }) => removed(await channel.queuePurge(queue)),
  },
  'basic.get': {
    about: 'Take a message. It comes back when the shell ends, unless it is acknowledged.',
    parameters: [text('queue'), ...switches('no_ack')],
    run: async (channel, { queue = '', ...given }) => {
      const [delivery] = await channel.basicGet(queue, 1, { noAck: isOn(given['no_ack']) })
      if (delivery !== undefined) return { value: describe(delivery) }
      return { text: 'No messages in queue. basic.publish something.', value: null }
    },
  },
  'basic.publish': {
    about: 'Publish a text.',
    parameters: [text('message'), text('exchange'), text('routing_key'), ...switches('mandatory', 'immediate')],
    run: publish,
  },
  'basic.ack': {
    about: 'Acknowledge a message by the delivery tag that basic.get shows.',
    parameters: [{ name: 'delivery_tag', kind: 'number' }],
    run: async (channel, given) => {
      await channel.basicAck([Number(given['delivery_tag'])])
      return OK
    },
  },
}

/** The words behind a command's name: `QUEUE [DURABLE]`. */
export function usageOf(name: string, { parameters }: AmqpCommand): string {
  const words = parameters.map((parameter) => {
    const word = parameter.name.toUpperCase()
    return parameter.kind === 'switch' ? `[${word}]` : word
  })
  return [name, ...words].join(' ')
}

/** Run one command line on a channel. Throws `ImproperlyConfigured` for one that makes no sense. */
export async function runAmqpCommand(channel: Channel, [name = '', ...words]: readonly string[]): Promise<AmqpReply> {
  const command = Object.hasOwn(AMQP_COMMANDS, name) ? AMQP_COMMANDS[name] : undefined
  if (command === undefined) {
    const hint = didYouMean(name, Object.keys(AMQP_COMMANDS)) || '; "help" shows what there is'
    throw new ImproperlyConfigured(`There is no command "${name}"${hint}`)
  }
  return command.run(channel, readArguments(name, command, words))
}

function readArguments(name: string, command: AmqpCommand, words: readonly string[]): Given {
  const { parameters } = command
  const required = parameters.filter(({ kind }) => kind !== 'switch').length
  if (words.length < required || words.length > parameters.length) {
    throw new ImproperlyConfigured(`Usage: ${usageOf(name, command)}`)
  }
  return Object.fromEntries(words.map((word, index) => check(parameters[index] as Parameter, word)))
}

function check({ name, kind, choices }: Parameter, word: string): [string, string] {
  if (choices?.includes(word) === false) {
    throw new ImproperlyConfigured(`${name} must be one of ${choices.join(', ')}${didYouMean(word, choices)}`)
  }
  if (kind === 'number' && !/^\d+$/.test(word))
    throw new ImproperlyConfigured(`${name} must be a number, not "${word}"`)
  if (kind === 'switch' && !ON.test(word) && !OFF.test(word)) {
    throw new ImproperlyConfigured(`${name} must be yes or no, not "${word}"`)
  }
  return [name, word]
}

const ON = /^(?:1|true|t|yes|y|on)$/i
const OFF = /^(?:0|false|f|no|n|off)$/i

function isOn(word: string | undefined): boolean {
  return word !== undefined && ON.test(word)
}

function text(name: string, choices?: readonly string[]): Parameter {
  return { name, kind: 'text', ...(choices === undefined ? {} : { choices }) }
}

function switches(...names: readonly string[]): Parameter[] {
  return names.map((name) => ({ name, kind: 'switch' }))
}

async function declareExchange(channel: Channel, given: Given): Promise<AmqpReply> {
  if (isOn(given['passive'])) {
    throw new ImproperlyConfigured('An exchange cannot be looked at here, only declared: leave passive off')
  }
  await channel.exchangeDeclare({
    name: given['exchange'] ?? '',
    type: given['type'] as ExchangeType,
    durable: isOn(given['durable']),
    autoDelete: isOn(given['auto_delete']),
  })
  return OK
}

async function declareQueue(channel: Channel, { queue: name = '', ...given }: Given): Promise<AmqpReply> {
  if (isOn(given['passive'])) {
    const messages = (await channel.queueSize?.(name)) ?? 0
    return { text: `queue:${name} messages:${String(messages)}`, value: { queue: name, messages } }
  }
  const { messages, consumers } = await channel.queueDeclare({
    name,
    durable: isOn(given['durable']),
    exclusive: false,
    autoDelete: isOn(given['auto_delete']),
  })
  return {
    text: `queue:${name} messages:${String(messages)} consumers:${String(consumers)}`,
    value: { queue: name, messages, consumers },
  }
}

async function publish(channel: Channel, given: Given): Promise<AmqpReply> {
  if (isOn(given['immediate'])) {
    throw new ImproperlyConfigured('No broker of today knows immediate: leave it off')
  }
  const { message: body = '', exchange = '', routing_key: routingKey = '' } = given
  const message = { body, contentType: 'text/plain', contentEncoding: 'utf-8', headers: {}, properties: {} }
  await channel.basicPublish([{ exchange, routingKey, message, mandatory: isOn(given['mandatory']) }])
  return OK
}

function removed(messages: number): AmqpReply {
  return { text: `${count(messages, 'message')} deleted.`, value: { messages } }
}

/** As Celery shows a message: body, properties and where it came from. */
function describe({ message, deliveryTag, exchange, routingKey, redelivered }: Delivery): Record<string, unknown> {
  const { body, contentType, contentEncoding, headers, properties } = message
  return {
    body: typeof body === 'string' ? body : Buffer.from(body).toString('base64'),
    properties: {
      ...properties,
      content_type: contentType,
      content_encoding: contentEncoding,
      application_headers: headers,
    },
    delivery_info: { delivery_tag: deliveryTag, redelivered, exchange, routing_key: routingKey },
  }
}
