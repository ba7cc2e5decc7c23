import { describe, expect, it } from 'vitest'
import { Queues, directQueue, formatQueues, readQueues } from '../../../src/app/queues.ts'
import type { QueueSettings, TaskQueues } from '../../../src/app/queues.ts'
import { ImproperlyConfigured, QueueNotFound } from '../../../src/errors.ts'
import { createBroadcast, createQueue, declarationOf } from '../../../src/messaging/queue.ts'

const defaults: QueueSettings = {
  taskQueues: null,
  taskQueueMaxPriority: null,
  taskCreateMissingQueues: true,
  taskCreateMissingQueueType: 'classic',
  taskCreateMissingQueueExchangeType: null,
  taskDefaultQueue: 'celery',
  taskDefaultQueueType: 'classic',
  taskDefaultExchange: 'celery',
  taskDefaultExchangeType: 'direct',
  taskDefaultRoutingKey: 'celery',
}

function queuesOf(taskQueues: TaskQueues | null, more: Partial<QueueSettings> = {}): Queues {
  return new Queues({ ...defaults, taskQueues, ...more })
}

/** Name, exchange(type), routing key. */
function shapes(queues: Queues): string[] {
  return queues
    .all()
    .map(({ name, exchange, routingKey }) => `${name} ${exchange.name}(${exchange.type}) ${routingKey}`)
}

describe('declared queues', () => {
  it('are the default queue where none is declared', () => {
    const queues = queuesOf(null, {
      taskDefaultQueue: 'mine',
      taskDefaultExchange: 'ex',
      taskDefaultExchangeType: 'topic',
      taskDefaultRoutingKey: 'key',
    })
    expect(shapes(queues)).toEqual(['mine ex(topic) key'])
    expect([...queues.consumeFrom.keys()]).toEqual(['mine'])
    expect(shapes(queuesOf([]))).toEqual(['celery celery(direct) celery'])
  })

  it('are read from a list', () => {
    const queues = queuesOf([
      'video',
      { name: 'audio' },
      { name: 'images', exchange: 'media', exchangeType: 'topic', routingKey: 'image.#' },
      { name: 'docs', exchange: { name: 'media', type: 'fanout' } },
      createQueue('plain'),
      createQueue({ name: 'made', exchange: 'of', routingKey: 'its own' }),
    ])
    expect(shapes(queues)).toEqual([
      'video video(direct) video',
      'audio celery(direct) celery',
      'images media(topic) image.#',
      'docs media(fanout) celery',
      'plain celery(direct) plain',
      'made of(direct) its own',
    ])
  })

  it('are read from an object, in the spelling of Python too', () => {
    const queues = queuesOf({
      video: {
        exchange: 'media',
        exchange_type: 'topic',
        binding_key: 'video.#',
        message_ttl: 5,
        max_length: null,
      } as object,
      audio: {},
      images: null,
      keyed: { routingKey: 'a', bindingKey: 'b' },
    })
    expect(shapes(queues)).toEqual([
      'video media(topic) video.#',
      'audio celery(direct) audio',
      'images celery(direct) images',
      'keyed celery(direct) a',
    ])
    expect(queues.get('video')).toMatchObject({ messageTtl: 5, maxLength: undefined })
  })

  it('get the highest priority unless they have one', () => {
    const queues = queuesOf(
      ['a', { name: 'b', maxPriority: 3 }, createQueue({ name: 'c', queueArguments: { 'x-max-priority': 5 } })],
      {
        taskQueueMaxPriority: 10,
      },
    )
    const arguments_ = ['a', 'b', 'c', 'new'].map(
      (name) => declarationOf(queues.get(name)).arguments?.['x-max-priority'],
    )
    expect(arguments_).toEqual([10, 3, 5, 10])
  })

  it('are found by alias', () => {
    const queues = queuesOf([createBroadcast('everyone'), { name: 'long-name', alias: 'short' }])
    expect(queues.get('everyone')).toMatchObject({ broadcast: true, exchange: { name: 'everyone', type: 'fanout' } })
    expect(queues.get('short').name).toBe('long-name')
    expect(queues.has('short')).toBe(true)
  })

  it.each<[unknown, RegExp]>([
    [[{}], /has no name/],
    [[5], /must be a name or an object/],
    [[''], /must be a name or an object/],
    [{ video: 'media' }, /must be a name or an object/],
    [[{ name: 'a', exchagne: 'b' }], /no option "exchagne".*did you mean "exchange"/],
    [{ a: { max_priority: -1 } }, /maxPriority/],
  ])('refuses %j', (queues, message) => {
    expect(() => readQueues(queues as TaskQueues)).toThrow(ImproperlyConfigured)
    expect(() => readQueues(queues as TaskQueues)).toThrow(message)
  })
})

describe('missing queues', () => {
  it('are made, but not consumed', () => {
    const queues = queuesOf(['video'])
    expect(queues.has('new')).toBe(false)
    expect(queues.get('new')).toBe(queues.get('new'))
    expect(shapes(queues)).toContain('new new(direct) new')
    expect([...queues.consumeFrom.keys()]).toEqual(['video'])
  })

  it('leave others in peace, until one takes the place of another', () => {
    const queues = queuesOf([{ name: 'video', alias: 'v' }])
    const { version } = queues
    queues.get('new')
    expect(queues.version).toBe(version)
    queues.add({ name: 'new', routingKey: 'key' })
    expect(queues.version).toBe(version + 1)
    queues.add({ name: 'newer', alias: 'v' })
    expect(queues.version).toBe(version + 2)
  })

  it('have the type that is asked for', () => {
    const queues = queuesOf(null, {
      taskCreateMissingQueueType: 'quorum',
      taskCreateMissingQueueExchangeType: 'topic',
      taskDefaultQueueType: 'quorum',
    })
    expect(declarationOf(queues.get('new')).arguments).toEqual({ 'x-queue-type': 'quorum' })
    expect(queues.get('new').exchange.type).toBe('topic')
    expect(declarationOf(queues.get('celery')).arguments).toEqual({ 'x-queue-type': 'quorum' })
    expect(declarationOf(queuesOf(null).get('new')).arguments).toEqual({})
  })

  it('are an error where they are not to be made', () => {
    const queues = queuesOf(['video'], { taskCreateMissingQueues: false })
    expect(() => queues.get('new')).toThrow(QueueNotFound)
    expect(queues.get('video').name).toBe('video')
  })
})

describe('what a worker consumes', () => {
  it('can be chosen', () => {
    const queues = queuesOf(['video', 'audio', { name: 'images', alias: 'pictures' }])
    queues.select([])
    expect(queues.consumeFrom.size).toBe(3)
    queues.select(['audio', 'new', 'pictures'])
    expect([...queues.consumeFrom.keys()]).toEqual(['audio', 'new', 'images'])
    queues.deselect(['pictures', 'unknown'])
    expect([...queues.consumeFrom.keys()]).toEqual(['audio', 'new'])
    queues.selectAdd({ name: 'later', exchange: 'ex', routingKey: 'key' })
    expect([...queues.consumeFrom.keys()]).toEqual(['audio', 'new', 'later'])
  })

  it('is chosen by each worker for itself', () => {
    const queues = queuesOf(['video', 'audio', { name: 'images', alias: 'pictures' }])
    const namesOf = (only?: string[], except?: string[]): string[] =>
      queues.choose(only, except).map(({ name }) => name)
    expect(namesOf(['audio', 'new', 'pictures', 'images'])).toEqual(['audio', 'new', 'images'])
    expect(namesOf(undefined, ['pictures', 'unknown'])).toEqual(['video', 'audio'])
    expect(namesOf(['audio', 'video'], ['audio'])).toEqual(['video'])
    expect(namesOf([])).toEqual(['video', 'audio', 'images'])
    expect(queues.has('unknown')).toBe(false)
    queues.select(['audio'])
    expect(namesOf()).toEqual(['audio'])
  })

  it('can be all but a few, and more', () => {
    const queues = queuesOf(['video', 'audio'])
    queues.deselect(['audio'])
    queues.selectAdd(directQueue('w1@host'))
    expect(
      [...queues.consumeFrom.values()].map(({ name, exchange, routingKey }) => [name, exchange.name, routingKey]),
    ).toEqual([
      ['video', 'video', 'video'],
      ['w1@host.dq2', 'C.dq2', 'w1@host'],
    ])
    expect(queues.get('audio').name).toBe('audio')
  })

  it('must be declared where missing queues are not made', () => {
    const queues = queuesOf(['video'], { taskCreateMissingQueues: false })
    expect(() => {
      queues.select(['vidoe'])
    }).toThrow(new ImproperlyConfigured('Cannot select queue "vidoe": it is not in taskQueues; did you mean "video"?'))
    expect(() => {
      queues.deselect(['audio'])
    }).toThrow('Cannot exclude queue "audio": it is not in taskQueues')
    expect(() => queues.choose(['vidoe'])).toThrow('Cannot select queue "vidoe"')
    expect(() => queues.choose([], ['audio'])).toThrow('Cannot exclude queue "audio"')
  })

  it('is shown in the banner', () => {
    const queues = queuesOf(['video', { name: 'a', exchange: 'media', exchangeType: 'topic', routingKey: 'a.#' }])
    expect(formatQueues(queues.all())).toEqual([
      '.> a                exchange=media(topic) key=a.#',
      '.> video            exchange=video(direct) key=video',
    ])
  })
})
