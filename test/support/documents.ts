/**
 * The fenced blocks of README.md and docs/*.md, and what their info strings ask for:
 *
 *     ```ts            is checked by the compiler, as a module of its own behind the page's prelude
 *     ```ts file=x.ts  is that file of the page's project: checked, and there for what runs
 *     ```ts run        is checked, and run in the page's project
 *     ```sh run        is run in the page's project; it must succeed
 *     ```sh start      goes on in the background until the page is done
 *     ```text output   is what the block before it printed; `…` stands for anything within a line, a line of its own
 *                      for any lines
 *
 * The prelude of a page is code that its readers need not see: `<!-- prelude ... -->`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listFiles, ROOT } from './sources.ts'

export interface Block {
  /** `ts`, `sh`, `text` ... */
  readonly language: string
  /** `run`, `start`, `output` or `file=...`; empty where nothing is asked for. */
  readonly wish: string
  readonly code: string
  /** Of the first line of code. */
  readonly line: number
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string
  readonly prelude: string
  readonly blocks: readonly Block[]
}

/** README.md and the pages of docs/. */
export function readPages(): Page[] {
  const paths = ['README.md', ...listFiles('docs', '.md').map((path) => `docs/${path}`)]
  return paths.map((path) => parsePage(path, readFileSync(join(ROOT, path), 'utf8')))
}

/** The blocks of one page. */
export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = []
  const lines = text.split('\n')
  for (let index = 0; index < lines.length; index += 1) {
    const [, language, wish = ''] = /^```(\w+) ?(.*)$/.exec(lines[index] ?? '') ?? []
    if (language === undefined) continue
    const end = lines.indexOf('```', index)
    if (end === -1) throw new Error(`${path}:${String(index + 1)}: this block has no end`)
    blocks.push({ language, wish, code: `${lines.slice(index + 1, end).join('\n')}\n`, line: index + 2 })
    index = end
  }
  return { path, prelude: /<!-- prelude\n(.*?)-->/s.exec(text)?.[1] ?? '', blocks }
}

/** The file that a block is, if it is one. */
export function fileOf(block: Block): string | undefined {
  return block.wish.startsWith('file=') ? block.wish.slice('file='.length) : undefined
}

/** Where links inside the repository lead: a file relative to the page, a heading behind `#`, or both. */
export function localLinks(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^\w+:/.test(target))
}

/** The anchors of a page's headings, as GitHub and npm make them. */
export function anchors(text: string): string[] {
  const headings = text.replaceAll(/^```.*?^```$/gms, '').matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Does what was printed look like the block that shows it? */
export function showsOutput(shown: string, printed: string): boolean {
  const pattern = shown
    .trim()
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/^…\n/gm, '(?:.*\\n)*')
    .replaceAll('…', '.*')
  return new RegExp(`^${pattern}$`).test(printed.trim().replaceAll(/[ \t]+$/gm, ''))
}
