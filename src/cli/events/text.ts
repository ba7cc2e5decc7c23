/** Text from elsewhere, made fit for a terminal: it stays on its line, fits its column, and commands nothing. */

/** Control characters, and what turns the direction of writing. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** With control characters as they are written in programs: `\n`, `\x1b`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    const code = character.charCodeAt(0)
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** At most so many characters; what is left out at the end is shown by dots. */
export function abbreviate(text: string, width: number): string {
  const characters = Array.from(text)
  if (characters.length <= width) return text
  return width <= 3 ? characters.slice(0, Math.max(width, 0)).join('') : `${characters.slice(0, width - 3).join('')}...`
}

/** A name of so many characters at most, without its first parts where it is longer: `[.]tasks.add`. */
export function abbreviateName(name: string, width: number): string {
  if (Array.from(name).length <= width) return name
  const parts = name.split('.')
  for (let first = 1; first < parts.length; first += 1) {
    const short = `[.]${parts.slice(first).join('.')}`
    if (short.length <= width) return short
  }
  return abbreviate(name, width)
}

/** A cell of a table: exactly so many characters. */
export function cell(text: string, width: number): string {
  const short = abbreviate(printable(text), width)
  return short + ' '.repeat(Math.max(width - Array.from(short).length, 0))
}

/** Lines of so many characters at most, broken between words where that is possible. */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(width, 1)
  return text.split('\n').flatMap((line) => wrapLine(printable(line), room))
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = []
  let rest = Array.from(line)
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : width
    lines.push(rest.slice(0, end).join(''))
    rest = rest.slice(space > 0 ? end + 1 : end)
  }
  return [...lines, rest.join('')]
}
