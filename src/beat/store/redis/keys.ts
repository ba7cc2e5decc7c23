/** Every key of a timetable in Redis. They begin as the broker's do, so that in a cluster they lie where its marks are. */

/** The keys of one app. */
export interface BeatKeys {
  /** Text: the token of the one who leads; it expires when he does not renew it. */
  readonly lock: string
  /** Hash: `version` of the entries, `token` of the last one who led. */
  readonly meta: string
  /** Hash: name to definition as JSON. */
  readonly entries: string
  /** Hash: name to `<last due ms> <runs>`. */
  readonly states: string
  /** Set: names. */
  readonly paused: string
}

/** `prefix` is that of the broker's keys. */
export function beatKeys(prefix: string, scope: string): BeatKeys {
  const head = `${prefix}celeriac.beat.${scope}`
  return {
    lock: `${head}.lock`,
    meta: `${head}.meta`,
    entries: `${head}.entries`,
    states: `${head}.states`,
    paused: `${head}.paused`,
  }
}
