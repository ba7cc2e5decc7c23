import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as errors from '../../../src/errors.ts'
import { repr } from '../../../src/util/repr.ts'
import { decodeException, encodeException, exceptionRepr, tracebackText } from '../../../src/protocol/exception.ts'

const { TaskError } = errors

function nest(levels: number): unknown[] {
  let value: unknown[] = []
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

class Boom extends Error {}
class Placed extends Error {
  static readonly excModule = 'proj.errors'
}
class Quota extends TaskError {}

const lost = 'Worker exited prematurely:'

describe('encodeException', () => {
  it.each<[unknown, string, string, unknown[]]>([
    [new Error('bad moon'), 'builtins', 'Exception', ['bad moon']],
    [new Error(), 'builtins', 'Exception', []],
    [new TypeError('x'), 'builtins', 'TypeError', ['x']],
    [new RangeError('x'), 'builtins', 'ValueError', ['x']],
    [new URIError('x'), 'builtins', 'ValueError', ['x']],
    [new SyntaxError('x'), 'builtins', 'SyntaxError', ['x']],
    [new ReferenceError('x'), 'builtins', 'NameError', ['x']],
    [new AggregateError([], 'x'), 'builtins', 'Exception', ['x']],
    [new DOMException('gone', 'AbortError'), 'celeriac.errors', 'AbortError', ['gone']],
    [Object.assign(new Error('x'), { name: 'FetchError' }), 'celeriac.errors', 'FetchError', ['x']],
    [new Boom('x'), 'celeriac.errors', 'Boom', ['x']],
    [new Placed('x'), 'proj.errors', 'Placed', ['x']],
    [new Quota('x'), 'celeriac.errors', 'Quota', ['x']],
    [new TaskError('x'), 'celery.exceptions', 'TaskError', ['x']],
    [new TaskError('x', { name: 'KeyError', module: 'builtins', args: ['k', 1] }), 'builtins', 'KeyError', ['k', 1]],
    [new errors.NotRegistered('proj.add'), 'celery.exceptions', 'NotRegistered', ['proj.add']],
    [new errors.TaskRevokedError('expired'), 'celery.exceptions', 'TaskRevokedError', ['expired']],
    [new errors.Retry('later', {}), 'celery.exceptions', 'Retry', ['later']],
    [new errors.Ignore(), 'celery.exceptions', 'Ignore', ['Ignored']],
    [new errors.Reject('no', { requeue: true }), 'celery.exceptions', 'Reject', ['no', true]],
    [new errors.BackendStoreError('x', 'id', 'SUCCESS'), 'celery.exceptions', 'BackendStoreError', ['x']],
    [new errors.SoftTimeLimitExceeded(5), 'billiard.exceptions', 'SoftTimeLimitExceeded', [5]],
    [new errors.TimeLimitExceeded(5), 'billiard.exceptions', 'TimeLimitExceeded', [5]],
    [new errors.Terminated('SIGTERM'), 'billiard.exceptions', 'Terminated', ['SIGTERM']],
    [new errors.WorkerLostError(9), 'billiard.exceptions', 'WorkerLostError', [`${lost} exitcode 9.`]],
    [new errors.OperationalError('x'), 'kombu.exceptions', 'OperationalError', ['x']],
    [new errors.ContentDisallowed('x'), 'kombu.exceptions', 'ContentDisallowed', ['x']],
    // Python's is a SystemExit: raised again in a client it would end that client.
    [new errors.WorkerShutdown('x'), 'celeriac.errors', 'WorkerShutdown', ['x']],
    ['thrown text', 'builtins', 'Exception', ['thrown text']],
    [undefined, 'builtins', 'Exception', [null]],
    [{ a: [1] }, 'builtins', 'Exception', [{ a: [1] }]],
  ])('knows what %s is in Python', (error, module, type, args) => {
    expect(encodeException(error)).toEqual({ exc_type: type, exc_message: args, exc_module: module })
  })

  it('turns arguments that JSON cannot hold into text', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    const wide = Array.from({ length: 200 }, () => Array<number>(200).fill(1))
    const short = [[1, 2]]
    expect(encodeException(new TaskError('x', { args: [wide, short] })).exc_message).toEqual([repr(wide), short])
    const args = [1n, NaN, new Date(0), new Map([[1, 2]]), cycle, nest(1000), { f: () => 1 }, undefined, { a: null }]
    expect(encodeException(new TaskError('x', { args })).exc_message).toEqual([
      '1',
      'nan',
      'datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)',
      '{1: 2}',
      '[[...]]',
      '[[[[...]]]]',
      "{'f': <function f>}",
      null,
      { a: null },
    ])
  })

  it('makes a document of anything that is thrown', () => {
    const broken = new Error('x')
    Object.defineProperty(broken, 'message', {
      get() {
        throw new Error('no')
      },
    })
    expect(encodeException(broken).exc_message).toEqual(['<Unrepresentable error>'])
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        for (const error of [thrown, new TaskError('x', { args: [thrown] })]) {
          const document = encodeException(error)
          expect(JSON.parse(JSON.stringify(document))).toMatchObject({ exc_type: document.exc_type })
          expect(decodeException(document)).toBeInstanceOf(Error)
          expect(exceptionRepr(document)).toBeTypeOf('string')
          expect(tracebackText(error)).toBeTypeOf('string')
        }
      }),
    )
  })
})

describe('decodeException', () => {
  it('makes a TaskError with the facts of a class that is not ours', () => {
    const error = decodeException({ exc_type: 'ValueError', exc_message: ['bad moon'], exc_module: 'builtins' }, 'tb')
    expect(error).toBeInstanceOf(TaskError)
    expect(error).toMatchObject({
      name: 'ValueError',
      module: 'builtins',
      message: 'bad moon',
      args: ['bad moon'],
      traceback: 'tb',
    })
  })

  it('makes one of ours where it is, with traceback and arguments', () => {
    const document = { exc_type: 'ChordError', exc_message: ['Dependency x'], exc_module: 'celery.exceptions' }
    const error = decodeException(document, 'tb')
    expect(error).toBeInstanceOf(errors.ChordError)
    expect(error).toMatchObject({
      name: 'ChordError',
      message: 'Dependency x',
      args: ['Dependency x'],
      traceback: 'tb',
    })
  })

  it('gives our classes the facts that they have', () => {
    const decode = (exc_type: string, exc_message: unknown, exc_module: string): Error =>
      decodeException({ exc_type, exc_message, exc_module })
    const billiard = 'billiard.exceptions'
    expect(decode('NotRegistered', ['proj.add'], 'celery.exceptions')).toMatchObject({ taskName: 'proj.add' })
    expect(decode('TimeLimitExceeded', [30], billiard)).toMatchObject({ seconds: 30 })
    expect(decode('SoftTimeLimitExceeded', [], billiard)).toMatchObject({ seconds: NaN })
    expect(decode('Terminated', ['SIGTERM'], billiard)).toMatchObject({ signal: 'SIGTERM' })
    const killed = `${lost} signal 9 (SIGKILL) Job: 3.`
    expect(decode('WorkerLostError', [killed], billiard)).toMatchObject({ exit: 'SIGKILL', message: killed })
    expect(decode('WorkerLostError', [`${lost} exitcode 155 Job: 3.`], billiard)).toMatchObject({ exit: 155 })
    expect(decode('WorkerLostError', [], billiard)).toMatchObject({ exit: 'unknown' })
  })

  it('goes by the module, not by the name alone', () => {
    const error = decodeException({ exc_type: 'ChordError', exc_message: [], exc_module: 'proj' })
    expect(error).not.toBeInstanceOf(errors.ChordError)
    expect(error).toMatchObject({ name: 'ChordError', module: 'proj' })
  })

  it('never makes what would steer the task that waits', () => {
    for (const name of ['Retry', 'Ignore', 'Reject']) {
      const error = decodeException({ exc_type: name, exc_message: ['x'], exc_module: 'celery.exceptions' })
      expect(error).not.toBeInstanceOf(errors.TaskPredicate)
      expect(error).toMatchObject({ name })
    }
  })

  it('unwraps what Celery wrapped', () => {
    const wrapped = {
      exc_type: 'UnpickleableExceptionWrapper',
      exc_message: ['__main__', 'Boom', ['boom', 42, { k: 'v' }], "Boom('boom', 42, {'k': 'v'})"],
      exc_module: 'celery.utils.serialization',
    }
    expect(decodeException(wrapped)).toMatchObject({
      name: 'Boom',
      module: '__main__',
      message: "('boom', 42, {'k': 'v'})",
      args: ['boom', 42, { k: 'v' }],
    })
    expect(exceptionRepr(wrapped)).toBe("Boom('boom', 42, {'k': 'v'})")
  })

  it('reads old and odd documents', () => {
    expect(decodeException({ exc_type: 'KeyError', exc_message: 'again' })).toMatchObject({
      name: 'KeyError',
      message: 'again',
      module: undefined,
    })
    expect(decodeException('ValueError: x', 'tb')).toMatchObject({ message: 'ValueError: x', traceback: 'tb' })
    expect(decodeException(null)).toMatchObject({ message: 'No reason was given' })
    expect(decodeException({ exc_type: 5 }).message).toBe("The exception cannot be read: {'exc_type': 5}")
    const error = new Error('already one')
    expect(decodeException(error)).toBe(error)
  })

  it('runs nothing that a document names', () => {
    const documents = [
      { exc_type: 'system', exc_module: 'os', exc_message: 'rm -rf /' },
      { exc_type: '__proto__', exc_module: '__proto__', exc_message: [] },
      { exc_type: 'constructor', exc_module: 'celery.exceptions', exc_message: ['return process'] },
    ]
    for (const document of documents) expect(decodeException(document)).toBeInstanceOf(TaskError)
  })

  it('reads back our own', () => {
    const text = fc.string({ minLength: 1 })
    const made = fc.oneof(
      text.map((message) => new TaskError(message)),
      text.map((message) => new errors.InvalidTaskError(message)),
      text.map((message) => new errors.MaxRetriesExceededError(message)),
      text.map((message) => new errors.TimeoutError(message)),
      text.map((message) => new errors.TaskRevokedError(message)),
      text.map((message) => new errors.NotRegistered(message)),
      text.map((message) => new errors.AlreadyRegistered(message)),
      text.map((message) => new errors.QueueNotFound(message)),
      text.map((message) => new errors.DecodeError(message)),
      text.map((message) => new errors.ImproperlyConfigured(message)),
      text.map((message) => new errors.Terminated(message)),
      fc.nat().map((seconds) => new errors.TimeLimitExceeded(seconds)),
      fc.nat().map((seconds) => new errors.SoftTimeLimitExceeded(seconds)),
      fc.integer().map((exit) => new errors.WorkerLostError(exit)),
    )
    fc.assert(
      fc.property(made, (error) => {
        const copy = decodeException(encodeException(error))
        expect(copy.constructor).toBe(error.constructor)
        expect(copy.message).toBe(error.message)
        expect(Object.entries(copy)).toEqual(Object.entries(error))
        expect(encodeException(copy)).toEqual(encodeException(error))
      }),
    )
  })

  it('answers an error for anything', () => {
    const near = fc.record({ exc_type: fc.string(), exc_message: fc.anything(), exc_module: fc.anything() })
    fc.assert(
      fc.property(fc.oneof(near, fc.anything()), (document) => {
        expect(decodeException(document)).toBeInstanceOf(Error)
      }),
    )
    const deep = { exc_type: 'X', exc_message: nest(100_000), exc_module: 'm' }
    expect(decodeException(deep)).toMatchObject({ message: '[[[[...]]]]' })
    expect(exceptionRepr(deep)).toBe('X([[[[...]]]])')
  })
})

describe('exceptionRepr', () => {
  it.each([
    ['ValueError', ['bad moon'], "ValueError('bad moon')"],
    ['ValueError', ["it's"], `ValueError("it's")`],
    ['ValueError', [], 'ValueError()'],
    ['ValueError', 'text', "ValueError('text')"],
    ['Boom', ['boom', 42], "Boom('boom', 42)"],
    ['make_app.<locals>.Boom', [1], 'Boom(1)'],
  ])('of %s with %j is Python’s', (exc_type, exc_message, expected) => {
    expect(exceptionRepr({ exc_type, exc_message, exc_module: 'm' })).toBe(expected)
  })
})

describe('tracebackText', () => {
  it('shows the stack, its causes and the remote traceback', () => {
    const remote = new TaskError('far', {
      name: 'ValueError',
      traceback: 'Traceback (most recent call last):\n  ...\n',
    })
    const text = tracebackText(new Error('near', { cause: new Error('middle', { cause: remote }) }))
    expect(text).toMatch(/^Error: near\n +at .*\nCaused by: Error: middle\n +at .*\nCaused by: /s)
    expect(text).toMatch(/Traceback of the other process:\nTraceback \(most recent call last\):\n {2}\.\.\.\n$/)
  })

  it('ends, whatever the causes are', () => {
    const a = new Error('a')
    a.cause = new Error('b', { cause: a })
    expect(tracebackText(a).split('Caused by').length).toBe(2)
    let long = new Error('end')
    for (let depth = 0; depth < 100; depth += 1) long = new Error('x', { cause: long })
    expect(tracebackText(long).split('Caused by').length).toBe(10)
    expect(tracebackText('text')).toBe("'text'\n")
    expect(tracebackText(Object.assign(new Error('x'), { stack: undefined }))).toBe('Error: x\n')
  })
})
