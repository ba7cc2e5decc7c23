import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import { DictNode, findGlobal } from '../../../src/serialization/pickle-globals.ts'
import { Decimal, PythonTimedelta } from '../../../src/serialization/values.ts'

const make = (path: string, ...args: unknown[]): unknown => {
  const dot = path.lastIndexOf('.')
  return findGlobal(path.slice(0, dot), path.slice(dot + 1))?.make(args)
}

describe('findGlobal', () => {
  it.each([
    'os.system',
    'builtins.eval',
    'builtins.getattr',
    'builtins.type',
    'builtins.complex',
    'subprocess.Popen',
    'celery.app.base.Celery',
    'celery.exceptions.os',
    'celery.canvas.chain',
    'builtins.__import__',
    'builtins.SomethingErrorish',
    'collections.defaultdict',
    'constructor.constructor',
    `celery.exceptions.${'A'.repeat(200)}`,
  ])('refuses %s', (path) => {
    const dot = path.lastIndexOf('.')
    expect(findGlobal(path.slice(0, dot), path.slice(dot + 1))).toBeUndefined()
  })

  it.each([
    'builtins.ValueError',
    'builtins.Exception',
    'builtins.KeyboardInterrupt',
    'builtins.StopIteration',
    'exceptions.OSError',
    'celery.exceptions.Retry',
    'billiard.exceptions.WorkerLostError',
    'kombu.exceptions.OperationalError',
  ])('knows the exception %s', (path) => {
    const dot = path.lastIndexOf('.')
    expect(findGlobal(path.slice(0, dot), path.slice(dot + 1))?.path).toBe(
      path.replace('exceptions.OSError', 'builtins.OSError'),
    )
  })

  it('makes data of arguments', () => {
    expect(make('decimal.Decimal', '1.5')).toEqual(new Decimal('1.5'))
    expect(make('datetime.timedelta', 1)).toEqual(new PythonTimedelta(1))
    expect(make('builtins.set', [1, 1, 2])).toEqual(new Set([1, 2]))
    expect(make('__builtin__.bytearray', 'é', 'latin-1')).toEqual(Buffer.from([0xe9]))
    expect(make('collections.OrderedDict', [['a', 1]])).toEqual(new DictNode([['a', 1]]))
    expect(make('celery.canvas.signature', new DictNode([['task', 'x']]))).toEqual(new DictNode([['task', 'x']]))
  })

  it.each<[string, unknown[]]>([
    ['decimal.Decimal', [1]],
    ['datetime.timedelta', ['1']],
    ['datetime.timezone', [1]],
    ['builtins.set', [1]],
    ['builtins.bytearray', [10_000_000_000]],
    ['_codecs.encode', ['\u4e16', 'latin1']],
    ['_codecs.encode', ['x', 'rot13']],
    ['collections.OrderedDict', [[1]]],
    ['copyreg._reconstructor', [1]],
    ['celery.utils.serialization.UnpickleableExceptionWrapper', ['m', 'n', 1]],
  ])('refuses arguments of %s', (path, args) => {
    expect(() => make(path, ...args)).toThrow(DecodeError)
  })
})
