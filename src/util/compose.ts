/** Middleware: functions around a function, the first one outermost. */

/** Wraps a step: may look, change the context, delay, refuse (throw) or answer without calling `next`. */
export type Middleware<C, R> = (context: C, next: () => Promise<R>) => Promise<R>

/** One function that runs `core` inside all of `layers`. */
export function compose<C, R>(
  layers: readonly Middleware<C, R>[],
  core: (context: C) => Promise<R>,
): (context: C) => Promise<R> {
  return layers.reduceRight<(context: C) => Promise<R>>(
    (next, layer) => (context) => layer(context, () => next(context)),
    core,
  )
}
