/** A task message as celeriac writes it for a call of the bench's task, for bare loops that do not encode. */

const HEADERS = {
  lang: 'js',
  task: 'bench.noop',
  id: '<id>',
  shadow: null,
  eta: null,
  expires: null,
  group: null,
  group_index: null,
  retries: 0,
  timelimit: [null, null],
  root_id: '<id>',
  parent_id: null,
  argsrepr: '[1]',
  kwargsrepr: '{}',
  origin: 'gen12345@host',
  ignore_result: false,
  replaced_task_nesting: 0,
  stamped_headers: null,
  stamps: {},
}

export const BODY = '[[1], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'

const REPLY_TO = '2ec30bf9-8abe-3cdc-b0e6-510eb78b1a59'

/** The whole message in a Redis list, with `<id>` in the places of the task's id. */
export const ENVELOPE: string = JSON.stringify({
  body: Buffer.from(BODY).toString('base64'),
  'content-encoding': 'utf-8',
  'content-type': 'application/json',
  headers: HEADERS,
  properties: {
    correlation_id: '<id>',
    reply_to: REPLY_TO,
    delivery_mode: 2,
    delivery_info: { exchange: '', routing_key: 'celery' },
    priority: 0,
    body_encoding: 'base64',
    delivery_tag: '<id>',
  },
})

/** An id of usual length, another one for each number. */
export function createId(number: number): string {
  return `0199f1c2-7a3e-7b1c-9d55-${String(number).padStart(12, '0')}`
}

/** The headers of an AMQP message. */
export function createHeaders(id: string): typeof HEADERS {
  return { ...HEADERS, id, root_id: id }
}
