import { describe, expect, it } from 'vitest'
import { encodeTaskV1 } from '../../../src/protocol/task.ts'
import { receive } from '../../../src/worker/receive.ts'
import { incoming, incomingTask } from '../../support/incoming.ts'
import { requests } from '../../support/requests.ts'
import { waitFor } from '../../support/wait-for.ts'

describe('receive', () => {
  it('makes a request of a task message', () => {
    const { parts, define } = requests()
    define('proj.add')
    const { message } = incomingTask({ args: [1], retries: 2 })
    expect(receive(message, parts)).toMatchObject({ key: 1, head: { id: 'id-1', retries: 2 } })
  })

  it('hides what the task hides, and its sender did not', () => {
    const { parts, define } = requests()
    define('proj.add', { hideArgs: ['x'] })
    const { message } = incomingTask({ args: ['4111'], kwargs: { y: 2 } })
    const request = receive(message, parts)
    expect(request?.head).toMatchObject({ argsrepr: "('***',)", kwargsrepr: "{'y': 2}" })
    expect(request?.message.message.headers).toMatchObject({ argsrepr: "('***',)" })
    expect(JSON.parse(request?.message.message.body as string)).toMatchObject([['4111'], { y: 2 }, {}])
    const unreadable = incomingTask({ args: ['4111'] }, { body: '{' })
    expect(receive(unreadable.message, parts)?.head.argsrepr).toBe("('***',)")
  })

  it('reads protocol 1, and hands it on in protocol 2', () => {
    const { parts, define } = requests()
    define('proj.add')
    const { properties, body } = encodeTaskV1({
      id: 'old',
      name: 'proj.add',
      args: [1, 2],
      kwargs: { z: 3 },
      origin: '',
    })
    const { message, said } = incoming({
      headers: {},
      properties,
      body: JSON.stringify(body),
      contentType: 'application/json',
      contentEncoding: 'utf-8',
    })
    const request = receive(message, parts)
    expect(request?.head.id).toBe('old')
    expect(request?.message.message.headers).toMatchObject({ task: 'proj.add', id: 'old' })
    expect(JSON.parse(request?.message.message.body as string)).toMatchObject([[1, 2], { z: 3 }, {}])
    void request?.message.ack()
    expect(said).toEqual(['ack'])
  })

  it('rejects a task that is not here, and says so in the result', async () => {
    const { parts, stored, logged } = requests()
    const { message, said } = incomingTask({ name: 'proj.elsewhere' })
    expect(receive(message, parts)).toBeUndefined()
    await waitFor(() => said.length > 0)
    expect(said).toEqual(['reject'])
    expect(stored[0]).toMatchObject({ task_id: 'id-1', status: 'FAILURE', result: { exc_type: 'NotRegistered' } })
    expect(logged[0]).toContain('Received unregistered task of type "proj.elsewhere"')
  })

  it('rejects what is no task message', async () => {
    const { parts, logged } = requests()
    const noise = incoming({
      headers: {},
      properties: {},
      body: '{"hello": 1}',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
    })
    expect(receive(noise.message, parts)).toBeUndefined()
    await waitFor(() => noise.said.length > 0)
    expect(noise.said).toEqual(['reject'])
    expect(logged[0]).toMatch(/^CRITICAL Received a message that is no task \(queue celery/)
  })

  it('refuses content types before it looks at them', async () => {
    const { parts, stored, logged } = requests()
    const { message, said } = incomingTask({}, { contentType: 'application/x-python-serialize', body: 'garbage' })
    expect(receive(message, parts)).toBeUndefined()
    await waitFor(() => said.length > 0)
    expect(said).toEqual(['reject'])
    expect(stored[0]?.status).toBe('FAILURE')
    expect(logged[0]).toContain('acceptContent')
  })

  it('rejects an impossible eta and names it', async () => {
    const { parts, define, logged } = requests()
    define('proj.add')
    const { message, said } = incomingTask()
    message.message.headers['eta'] = 'tomorrow'
    expect(receive(message, parts)).toBeUndefined()
    await waitFor(() => said.length > 0)
    expect(said).toEqual(['reject'])
    expect(logged[0]).toContain('tomorrow')
  })

  it('survives a backend that is away: the message comes again', async () => {
    const all = requests()
    all.storeError = new Error('backend away')
    const { message, said } = incomingTask({ name: 'proj.elsewhere' })
    receive(message, all.parts)
    await waitFor(() => all.logged.length > 1)
    expect([said, all.logged[1]]).toEqual([[], expect.stringContaining('will come again')])
  })
})
