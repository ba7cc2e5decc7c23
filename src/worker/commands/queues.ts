/** Commands about the queues that the worker consumes. What is added or cancelled stays so over a lost connection. */
import type { QueueInput } from '../../app/queues.ts'
import { encodeQueueInfo } from '../queue-info.ts'
import { optionalText, text } from './arguments.ts'
import type { Command, CommandArguments } from './command.ts'

const activeQueues: Command = {
  name: 'active_queues',
  kind: 'inspect',
  help: 'The queues that this worker consumes.',
  run: ({ queues }) => queues.map(encodeQueueInfo),
}

const addConsumer: Command = {
  name: 'add_consumer',
  kind: 'control',
  args: [{ name: 'queue' }, { name: 'exchange' }, { name: 'exchange_type' }, { name: 'routing_key' }],
  signature: '<queue> [exchange [type [routing_key]]]',
  help: 'Consume one more queue.',
  run: async (worker, args) => {
    const name = text(args, 'queue')
    const { queues, logger } = worker.app
    await worker.addQueue(queues.has(name) ? queues.get(name) : queues.add(queueOf(name, args)))
    logger.info(`Started consuming from ${name}`)
    return { ok: `add consumer ${name}` }
  },
}

const cancelConsumer: Command = {
  name: 'cancel_consumer',
  kind: 'control',
  args: [{ name: 'queue' }],
  signature: '<queue>',
  help: 'Stop consuming a queue. What was taken from it is still worked.',
  run: async (worker, args) => {
    const name = text(args, 'queue')
    await worker.cancelQueue(worker.app.queues.has(name) ? worker.app.queues.get(name).name : name)
    return { ok: `no longer consuming from ${name}` }
  },
}

/** All of them. */
export const queueCommands: readonly Command[] = [activeQueues, addConsumer, cancelConsumer]

/** As in Celery, an exchange of the queue's name where none is given. Further arguments are options of the queue. */
function queueOf(name: string, args: CommandArguments): QueueInput {
  const { queue: _queue, exchange: _exchange, exchange_type: _type, routing_key: _key, ...options } = args
  return {
    ...options,
    name,
    exchange: {
      name: optionalText(args, 'exchange') ?? name,
      type: (optionalText(args, 'exchange_type') ?? 'direct') as 'direct',
    },
    routingKey: optionalText(args, 'routing_key') ?? name,
  }
}
