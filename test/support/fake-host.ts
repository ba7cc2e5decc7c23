/** An app's place for work-flows in tests: notes the calls instead of sending them. */
import { Canvas } from '../../src/canvas/canvas.ts'
import type { Host } from '../../src/canvas/host.ts'
import type { PublishOptions } from '../../src/canvas/options.ts'
import { AsyncResult } from '../../src/result/async-result.ts'

/** A call that was made. */
export interface NotedCall {
  readonly name: string
  readonly args: readonly unknown[]
  readonly options: PublishOptions | undefined
}

/** The place, and what came by. */
export interface FakeHost {
  readonly host: Host
  readonly calls: NotedCall[]
  /** Errbacks that can be called here, by name; their named arguments come last. */
  readonly errbacks: Map<string, (...args: readonly unknown[]) => unknown>
}

/** A new place. */
export function fakeHost(): FakeHost {
  const calls: NotedCall[] = []
  const errbacks: FakeHost['errbacks'] = new Map()
  const host: Host = {
    call: (name, args, options) => {
      calls.push({ name, args, options })
      return Promise.resolve(new AsyncResult(options?.taskId ?? `id-${String(calls.length)}`, host))
    },
    callMany: (many) => {
      calls.push(...many)
      return Promise.resolve([])
    },
    apply: (name, args, options) => host.call(name, args, options),
    replyTo: 'my-replies',
    canvasPolicy: () => ({ alwaysEager: false, chainsAsLinks: false, warnSize: null }),
    warn: () => undefined,
    get canvas() {
      return new Canvas(host)
    },
    newId: () => `new-${String(calls.length)}`,
    chordPolicy: () => ({ joinTimeoutMs: 3000, retryInterval: 1, errbacksOnHeader: false }),
    callErrback: async (name, args, kwargs) => {
      const errback = errbacks.get(name)
      if (errback === undefined) return false
      await errback(...args, kwargs)
      return true
    },
    backend: () => Promise.reject(new Error('this host has no backend')),
    revoke: () => Promise.resolve(),
    elect: (id, signature) => {
      calls.push({ name: 'elect', args: [id, signature], options: undefined })
      return Promise.resolve()
    },
  }
  return { host, calls, errbacks }
}
