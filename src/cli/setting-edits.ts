/** Changes of names in a text: where they are, the text with them, and what they look like as a diff. */
import { findSetting, wireName } from '../app/settings.ts'

/** A stretch of a text that becomes another one. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The name that a setting should have here; undefined where this one is right, or names no setting. */
export type Rename = (name: string) => string | undefined

/** For JavaScript, TypeScript, JSON and YAML: camelCase. */
export const toCamelCase: Rename = (name) => {
  const found = findSetting(name)
  const isOld = found?.spelling === 'snake' || found?.spelling === 'old'
  return isOld && found.name !== name ? found.name : undefined
}

/** For Python: lower case, as Celery has it since 4.0. */
export const toSnakeCase: Rename = (name) => {
  const found = findSetting(name)
  return found?.spelling === 'old' ? wireName(found.name) : undefined
}

/** For Django, and for who must stay compatible: capitals with `CELERY_` in front. */
export const toPrefixedCapitals: Rename = (name) => {
  const found = findSetting(name)
  if (found?.spelling !== 'old') return undefined
  const capitals = wireName(found.name).toUpperCase()
  const prefixed = capitals.startsWith('CELERY_') ? capitals : `CELERY_${capitals}`
  return prefixed === name ? undefined : prefixed
}

/** The text with the changes. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = ''
  let at = 0
  for (const { start, end, text: replacement } of edits) {
    result += text.slice(at, start) + replacement
    at = end
  }
  return result + text.slice(at)
}

/** A line before and after; lines count from 1. */
export interface ChangedLine {
  readonly line: number
  readonly before: string
  readonly after: string
}

/** The lines that differ. Names hold no line ends, so both texts have the same number of lines. */
export function changedLines(before: string, after: string): ChangedLine[] {
  const lines = after.split('\n')
  return before.split('\n').flatMap((text, index): ChangedLine[] => {
    const changed = lines[index] ?? ''
    return text === changed ? [] : [{ line: index + 1, before: text, after: changed }]
  })
}

/** A diff without context, as `patch` takes it. */
export function formatDiff(file: string, lines: readonly ChangedLine[]): string {
  const hunks = lines.map(({ line, before, after }) => `@@ -${String(line)} +${String(line)} @@\n-${before}\n+${after}`)
  return [`--- ${file}`, `+++ ${file}`, ...hunks].join('\n')
}
