/** Node names, `name@host`: split, join and expand them (`celery/utils/nodenames.py`). */
import { hostname } from 'node:os'
import { ImproperlyConfigured } from '../errors.ts'

const SEPARATOR = '@'
const DEFAULT_NAME = 'celery'

/** A node's name in its two parts. */
export interface Nodename {
  /** Before the `@`; undefined where there is none. */
  readonly name: string | undefined
  readonly host: string
}

/** Split at the first `@`. A text without one is a host. */
export function splitNodename(nodename: string): Nodename {
  const at = nodename.indexOf(SEPARATOR)
  if (at === -1) return { name: undefined, host: nodename }
  return { name: nodename.slice(0, at), host: nodename.slice(at + 1) }
}

/** `name@host`. */
export function joinNodename(name: string, host: string): string {
  return name + SEPARATOR + host
}

/** Complete what a user wrote: `celery` for a missing name, this machine for a missing host. */
export function defaultNodename(nodename: string = ''): string {
  const { name, host } = splitNodename(nodename)
  return joinNodename(name === undefined || name === '' ? DEFAULT_NAME : name, host === '' ? hostname() : host)
}

/** The name of a process that is no worker, such as a client: `gen<pid>@host`. */
export function anonymousNodename(): string {
  return joinNodename(`gen${String(process.pid)}`, hostname())
}

/**
 * Expand `%h` (the host), `%d` (its domain), `%n` (the node's name; the host's first label where no node is given), `%i`
 * and `%I` (the number of a pool's process: here always that of the main process, `0` and nothing, for it writes what its
 * children log) and `%%`. Used for node names, with no node, and for the names of files, with one; these know `%p` too,
 * the whole node name. Throws `ImproperlyConfigured` for another letter.
 */
export function expandNodename(format: string, nodename: string = ''): string {
  const node = splitNodename(nodename)
  const host = node.host === '' ? hostname() : node.host
  const dot = host.indexOf('.')
  const label = dot === -1 ? host : host.slice(0, dot)
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    h: host,
    d: dot === -1 ? '' : host.slice(dot + 1),
    n: nodename === '' ? label : node.name === undefined || node.name === '' ? DEFAULT_NAME : node.name,
    i: '0',
    I: '',
    ...(nodename === '' ? {} : { p: nodename }),
  }
  return format.replace(/%(.?)/gsu, (found, letter: string) => {
    const value = values[letter]
    if (value === undefined) {
      throw new ImproperlyConfigured(
        `"${found}" in "${format}" means nothing: there are %h (host), %n (node), %d (domain), %i and %I (process)` +
          `${nodename === '' ? '' : ', %p (node@host)'} and %% (a percent sign)`,
      )
    }
    return value
  })
}
