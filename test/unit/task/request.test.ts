import { expect, it } from 'vitest'
import { signatureData } from '../../../src/protocol/signature.ts'
import { decodeTaskHead, encodeTask } from '../../../src/protocol/task.ts'
import { bareHead, NO_EMBED, TaskRequest } from '../../../src/task/request.ts'

const link = signatureData({ task: 'proj.next' })

it('tells all that the message said', () => {
  const { headers, properties } = encodeTask({
    id: 'id-1',
    name: 'proj.add',
    args: [1],
    kwargs: {},
    eta: Date.UTC(2030, 0, 1),
    expires: Date.UTC(2031, 0, 1),
    rootId: 'root',
    parentId: 'parent',
    groupId: 'group',
    groupIndex: 4,
    shadow: 'other name',
    retries: 2,
    timeLimit: 30,
    softTimeLimit: 20,
    origin: 'gen1@test',
    ignoreResult: true,
    replacedTaskNesting: 1,
    stampedHeaders: ['tenant'],
    stamps: { tenant: 'acme' },
    headers: { trace: 'abc' },
    replyTo: 'oid',
  })
  const deliveryInfo = { exchange: '', routing_key: 'celery', priority: 3, redelivered: true }
  const request = new TaskRequest({
    head: decodeTaskHead(headers, properties),
    args: [1],
    kwargs: { y: 2 },
    embed: { callbacks: [link], errbacks: [link, link], chain: [link], chord: link },
    properties,
    deliveryInfo,
    hostname: 'celery@test',
    isEager: false,
    calledDirectly: false,
  })
  const names = Object.entries(Object.getOwnPropertyDescriptors(TaskRequest.prototype)).flatMap(([name, { get }]) =>
    get === undefined ? [] : [name],
  )
  expect(Object.fromEntries(names.map((name) => [name, Reflect.get(request, name)]))).toEqual({
    id: 'id-1',
    name: 'proj.add',
    args: [1],
    kwargs: { y: 2 },
    retries: 2,
    eta: '2030-01-01T00:00:00+00:00',
    expires: '2031-01-01T00:00:00+00:00',
    isEager: false,
    calledDirectly: false,
    hostname: 'celery@test',
    deliveryInfo,
    properties,
    headers: { trace: 'abc' },
    parentId: 'parent',
    rootId: 'root',
    group: 'group',
    groupIndex: 4,
    chord: link,
    callbacks: [link],
    errbacks: [link, link],
    chain: [link],
    correlationId: 'id-1',
    replyTo: 'oid',
    timelimit: [30, 20],
    origin: 'gen1@test',
    shadow: 'other name',
    ignoreResult: true,
    stamps: { tenant: 'acme' },
    stampedHeaders: ['tenant'],
    replacedTaskNesting: 1,
  })
})

it('is its own root where the message names none', () => {
  const head = { ...bareHead('proj.add', 'id-1'), rootId: undefined }
  const direct = TaskRequest.direct('proj.add', 'id-1', [], 'celery@test')
  const fields = { head, args: [], kwargs: {}, embed: NO_EMBED, properties: {}, deliveryInfo: direct.deliveryInfo }
  const request = new TaskRequest({ ...fields, hostname: '', isEager: true, calledDirectly: false })
  expect([request.rootId, request.isEager]).toEqual(['id-1', true])
})

it('stands for a call that was none', () => {
  const request = TaskRequest.direct('proj.add', 'id-1', [1, 2], 'celery@test')
  expect(request).toMatchObject({ id: 'id-1', args: [1, 2], calledDirectly: true, retries: 0, callbacks: null })
  expect(request.deliveryInfo).toEqual({ exchange: '', routing_key: '', priority: null, redelivered: false })
})
