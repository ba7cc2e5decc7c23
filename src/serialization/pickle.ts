/**
 * Pickle, plain data only: a pickle is a program, and this one reads it as data without ever running any of it. Reads
 * protocols 0 to 5, writes protocol 4, as kombu does.
 *
 * | Python                         | here                                                                      |
 * |--------------------------------|---------------------------------------------------------------------------|
 * | None, bool, float, str         | null, boolean, number, string                                             |
 * | int                            | `number`; `bigint` beyond 2^53. A whole `number` is written as an int     |
 * | bytes, bytearray               | `Uint8Array`, written as bytes                                            |
 * | list, tuple                    | array, written as a list                                                  |
 * | dict, OrderedDict              | object, or a `Map` where a key is no text; both are written as a dict     |
 * | set, frozenset                 | `Set`, written as a set                                                   |
 * | datetime, date, time, timedelta, Decimal, UUID | the classes of `values.ts`; a `Date` is written as a datetime in UTC |
 * | exceptions of Python, Celery, billiard, kombu  | `{ exc_type, exc_message, exc_module }`, read only        |
 * | a Celery signature             | the plain data of the signature                                           |
 *
 * Any other class or function in a pickle is refused by name. Values that are shared or contain themselves stay so.
 */
import type { Body } from '../protocol/message.ts'
import { readPickle } from './pickle-reader.ts'
import { writePickle } from './pickle-writer.ts'
import type { Serializer } from './serializer.ts'

export const pickle: Serializer = {
  name: 'pickle',
  contentType: 'application/x-python-serialize',
  contentEncoding: 'binary',
  encode: writePickle,
  // A pickle in a string came through something that takes bytes for Latin-1, as protocol 0 allows.
  decode: (body: Body) => readPickle(typeof body === 'string' ? Buffer.from(body, 'latin1') : body),
}
