/** Shell patterns as Python's `fnmatch` reads them: `*`, `?`, `[seq]`, `[!seq]`. Never slow, whatever the pattern. */

/** One place of a pattern: does this character fit? `*` stands for any number of any characters. */
type Token = '*' | ((character: string) => boolean)

/** Does the text hold a `*` or `?`, so that it means more than itself? */
export function isGlob(text: string): boolean {
  return /[*?]/.test(text)
}

/** A function that says whether the whole of a text fits the pattern. Case counts. */
export function globMatcher(pattern: string): (text: string) => boolean {
  const tokens = parseGlob(Array.from(pattern))
  return (text) => fits(tokens, Array.from(text))
}

function parseGlob(characters: readonly string[]): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? ''
    const end = character === '[' ? endOfClass(characters, at) : -1
    if (character === '*') tokens.push('*')
    else if (character === '?') tokens.push(() => true)
    else if (end === -1) tokens.push((other) => other === character)
    else {
      tokens.push(parseClass(characters.slice(at + 1, end)))
      at = end
    }
  }
  return tokens
}

/** Where the class ends that begins at `start`; -1 where it does not, and the bracket is a bracket. A `]` in front is itself. */
function endOfClass(characters: readonly string[], start: number): number {
  const first = characters[start + 1] === '!' ? start + 2 : start + 1
  return characters.indexOf(']', first + 1)
}

function parseClass(content: readonly string[]): (character: string) => boolean {
  const negated = content[0] === '!'
  const members = negated ? content.slice(1) : content
  const ranges: (readonly [from: string, to: string])[] = []
  for (let at = 0; at < members.length; at += 1) {
    const from = members[at] ?? ''
    const to = members[at + 2]
    const isRange = members[at + 1] === '-' && to !== undefined
    ranges.push([from, isRange ? to : from])
    if (isRange) at += 2
  }
  return (character) => ranges.some(([from, to]) => isBetween(character, from, to)) !== negated
}

function isBetween(character: string, from: string, to: string): boolean {
  const code = character.codePointAt(0) ?? 0
  return code >= (from.codePointAt(0) ?? 0) && code <= (to.codePointAt(0) ?? 0)
}

/** Only the last `*` is ever tried again: an earlier one could take nothing that the later one cannot. */
function fits(tokens: readonly Token[], characters: readonly string[]): boolean {
  let token = 0
  let at = 0
  let afterStar = -1
  let starAt = 0
  while (at < characters.length) {
    const current = tokens[token]
    if (current === '*') {
      token += 1
      afterStar = token
      starAt = at
    } else if (current?.(characters[at] ?? '') === true) {
      token += 1
      at += 1
    } else if (afterStar === -1) {
      return false
    } else {
      starAt += 1
      at = starAt
      token = afterStar
    }
  }
  return tokens.slice(token).every((left) => left === '*')
}
