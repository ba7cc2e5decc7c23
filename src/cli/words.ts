/** A line of a shell of ours as words: divided by blanks, with quotes around what holds some. */
import { ImproperlyConfigured } from '../errors.ts'

/** One word, in parts with or without quotes: `a"b c"` is one. */
const WORD = /(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/gsy
const PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)/gs

/** The words of a line, as Unix shells see them. Throws `ImproperlyConfigured` where a quote has no end. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  for (let rest = line.trimStart(); rest !== ''; rest = rest.trimStart()) {
    WORD.lastIndex = 0
    const [word] = WORD.exec(rest) ?? []
    if (word === undefined || (word.length < rest.length && /\S/.test(rest.charAt(word.length)))) {
      throw new ImproperlyConfigured(`A quote has no end: ${rest}`)
    }
    words.push(unquoted(word))
    rest = rest.slice(word.length)
  }
  return words
}

/** Within double quotes a backslash is only one before a quote or another backslash. */
function unquoted(word: string): string {
  return word.replace(
    PART,
    (_, single?: string, double?: string, escaped?: string, plain?: string) =>
      single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? plain ?? '',
  )
}
