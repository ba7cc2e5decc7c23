import { describe, expect, it } from 'vitest'
import { describeCall } from '../../../src/app/call.ts'
import type { PublishOptions } from '../../../src/canvas/options.ts'
import type { ActiveExecution } from '../../../src/context.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import type { TaskCall } from '../../../src/protocol/task.ts'
import { signatureData } from '../../../src/protocol/signature.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const parent: ActiveExecution = {
  taskId: 'parent',
  rootId: 'root',
  priority: undefined,
  children: [],
  joinWillBlock: true,
  context: undefined,
}

function callOf(options: PublishOptions, by?: ActiveExecution): TaskCall {
  const caller = { newId: () => 'new-id', nowMs: NOW_MS, origin: 'gen1@test', replyTo: 'oid', parent: by }
  return describeCall('proj.add', [1, 2], options.kwargs ?? {}, options, caller)
}

describe('a call', () => {
  it('is its own root, and answers go to its app', () => {
    expect(callOf({})).toMatchObject({
      id: 'new-id',
      name: 'proj.add',
      args: [1, 2],
      kwargs: {},
      rootId: 'new-id',
      parentId: undefined,
      origin: 'gen1@test',
      replyTo: 'oid',
      eta: undefined,
      expires: undefined,
      callbacks: undefined,
    })
  })

  it('belongs to the task that makes it, unless it says otherwise', () => {
    expect(callOf({}, parent)).toMatchObject({ rootId: 'root', parentId: 'parent' })
    expect(callOf({ rootId: 'r', parentId: 'p', taskId: 'mine' }, parent)).toMatchObject({
      id: 'mine',
      rootId: 'r',
      parentId: 'p',
    })
  })

  it('takes links one by one or as a list', () => {
    const link = signatureData({ task: 'proj.next' })
    expect(callOf({ link, linkError: [link, link] })).toMatchObject({ callbacks: [link], errbacks: [link, link] })
  })

  it('is due after its countdown, which wins over its eta', () => {
    const eta = new Date(NOW_MS + 99_000)
    expect(callOf({ countdown: 1.5 }).eta).toBe(NOW_MS + 1500)
    expect(callOf({ eta }).eta).toBe(NOW_MS + 99_000)
    expect(callOf({ eta, countdown: 2 }).eta).toBe(NOW_MS + 2000)
    expect(callOf({ countdown: 0 }).eta).toBeUndefined()
    expect(callOf({ eta, countdown: 0 }).eta).toBe(NOW_MS + 99_000)
    expect(callOf({ countdown: -5 }).eta).toBe(NOW_MS - 5000)
  })

  it('expires after seconds, or at a time', () => {
    expect(callOf({ expires: 0 }).expires).toBe(NOW_MS)
    expect(callOf({ expires: 60 }).expires).toBe(NOW_MS + 60_000)
    expect(callOf({ expires: new Date(NOW_MS - 1) }).expires).toBe(NOW_MS - 1)
  })

  it.each([
    [{ countdown: NaN }, 'countdown must be a number of seconds, not NaN'],
    [{ countdown: -2147483649 }, 'countdown must be a number of seconds'],
    [{ countdown: '5' as never }, 'countdown must be a number of seconds, not 5'],
    [{ expires: Infinity }, 'expires must be a number of seconds, not Infinity'],
    [{ eta: new Date(NaN) }, 'eta must be a valid Date'],
    [{ eta: '2030-01-01' as never }, 'eta must be a valid Date, not 2030-01-01'],
    [{ expires: 'soon' as never }, 'expires must be a valid Date, not soon'],
    [{ timeLimit: 10, softTimeLimit: 11 }, 'softTimeLimit (11 s) must not be above timeLimit (10 s)'],
  ] satisfies [PublishOptions, string][])('refuses %j', (options, message) => {
    expect(() => callOf(options)).toThrow(ImproperlyConfigured)
    expect(() => callOf(options)).toThrow(message)
  })

  it('allows a soft limit up to the hard one, or alone', () => {
    expect(callOf({ timeLimit: 10, softTimeLimit: 10 })).toMatchObject({ timeLimit: 10, softTimeLimit: 10 })
    expect(callOf({ softTimeLimit: 99 }).timeLimit).toBeUndefined()
  })

  it('refuses arguments that are no list, and named ones that are no object', () => {
    const caller = { newId: () => 'id', nowMs: NOW_MS, origin: '', replyTo: '', parent: undefined }
    const call = (args: unknown, kwargs: unknown) => () => describeCall('t', args as never, kwargs as never, {}, caller)
    expect(call('ab', {})).toThrow('t: the arguments of a call are a list')
    for (const kwargs of [null, [], 5])
      expect(call([], kwargs)).toThrow('t: the named arguments of a call are an object')
  })
})
