/** What beat stores are given besides their URL, for tests. */
import type { BeatStoreContext } from '../../src/beat/store.ts'
import type { TransportContext, TransportOptions } from '../../src/transport/transport.ts'
import { TransportRegistry } from '../../src/transport/registry.ts'
import { transportContext } from './context.ts'

export function beatStoreContext(
  url: string,
  changes: Partial<TransportContext> & { readonly filename?: string; readonly options?: TransportOptions } = {},
): BeatStoreContext {
  const { filename = 'celerybeat-schedule', options = {}, ...context } = changes
  return {
    scope: 'proj',
    filename,
    broker: {
      urls: url,
      transports: new TransportRegistry(),
      transportOptions: options,
      context: transportContext(context),
    },
  }
}
