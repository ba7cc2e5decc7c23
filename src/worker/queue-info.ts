/** A queue as remote control tells of it (`active_queues`). */
import type { Exchange } from '../messaging/exchange.ts'
import type { Queue } from '../messaging/queue.ts'
import type { QueueInfo } from '../protocol/control.ts'

/** One queue under the wire's names. */
export function encodeQueueInfo(queue: Queue): QueueInfo {
  return {
    name: queue.name,
    exchange: exchangeInfo(queue.exchange),
    routing_key: queue.routingKey,
    queue_arguments: queue.queueArguments ?? null,
    binding_arguments: queue.bindingArguments ?? null,
    consumer_arguments: queue.consumerArguments ?? null,
    durable: queue.durable,
    exclusive: queue.exclusive,
    auto_delete: queue.autoDelete,
    no_ack: queue.noAck,
    alias: queue.alias ?? null,
    bindings: queue.bindings.map((binding) => ({
      exchange: exchangeInfo(binding.exchange),
      routing_key: binding.routingKey,
      arguments: binding.arguments ?? null,
    })),
    no_declare: queue.noDeclare ? true : null,
    expires: queue.expires ?? null,
    message_ttl: queue.messageTtl ?? null,
    max_length: queue.maxLength ?? null,
    max_length_bytes: queue.maxLengthBytes ?? null,
    max_priority: queue.maxPriority ?? null,
  }
}

function exchangeInfo(exchange: Exchange): QueueInfo['exchange'] {
  return {
    name: exchange.name,
    type: exchange.type,
    arguments: exchange.arguments ?? null,
    durable: exchange.durable,
    passive: false,
    auto_delete: exchange.autoDelete,
    delivery_mode: exchange.deliveryMode ?? null,
    no_declare: exchange.noDeclare,
  }
}
