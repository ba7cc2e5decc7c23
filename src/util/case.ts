/** Names in camelCase, as TypeScript writes them, and in snake_case, as Python and the wire do. */

/** `taskAcksLate` as `task_acks_late`, for the compiler. */
export type SnakeCase<S extends string> = S extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : S

/** `taskAcksLate` as `task_acks_late`. A name that is in snake_case stays as it is. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `task_acks_late` as `taskAcksLate`. A name that is in camelCase stays as it is, and so do underscores at its ends. */
export function camelCase(name: string): string {
  return name.replaceAll(/(?<=[^_])_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase())
}
