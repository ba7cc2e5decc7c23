/**
 * README.md and docs/ hold true: all TypeScript in them compiles against the built package, and what is marked as
 * runnable runs, in a project as a user would have it. `support/documents.ts` tells how blocks are marked.
 */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { anchors, fileOf, localLinks, parsePage, readPages, showsOutput } from './support/documents.ts'
import type { Block, Page } from './support/documents.ts'
import { ROOT } from './support/sources.ts'
import { temporaryDirectory } from './support/temporary-directory.ts'

const pages = readPages()
const runnable = pages.filter(({ blocks }) => blocks.some(({ wish }) => wish === 'run'))

/** A folder in which `celeriac` is installed, with the page's files. */
function makeProject(page: Page): string {
  const folder = temporaryDirectory()
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  symlinkSync(ROOT, join(folder, 'node_modules/celeriac'))
  symlinkSync(join(ROOT, 'bin/celeriac.js'), join(folder, 'node_modules/.bin/celeriac'))
  for (const name of ['jiti', 'zod', '@types', 'typescript']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }
  symlinkSync(join(ROOT, 'node_modules/.bin/jiti'), join(folder, 'node_modules/.bin/jiti'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  for (const block of page.blocks) {
    const file = fileOf(block)
    if (file === undefined) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), block.code)
  }
  return folder
}

/** Where a block's code stands in its project, and how many lines of prelude stand above it. */
function placeBlock(page: Page, folder: string, block: Block): { file: string; above: number } {
  const named = fileOf(block)
  if (named !== undefined) return { file: join(folder, named), above: 0 }
  const file = join(folder, `block-${String(block.line)}.ts`)
  writeFileSync(file, `${page.prelude}${block.code}export {}\n`)
  return { file, above: page.prelude.split('\n').length - 1 }
}

/** What the compiler says about all pages, with the lines of the pages. */
function checkTypes(): string[] {
  const places = new Map<string, { page: Page; block: Block; above: number }>()
  for (const page of pages) {
    const folder = makeProject(page)
    for (const block of page.blocks.filter(({ language }) => language === 'ts')) {
      const { file, above } = placeBlock(page, folder, block)
      places.set(file, { page, block, above })
    }
  }
  const program = ts.createProgram([...places.keys()], {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  })
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, ' ')
    const place = file === undefined ? undefined : places.get(file.fileName)
    if (file === undefined || place === undefined) return `${file?.fileName ?? ''}: ${message}`
    const line = file.getLineAndCharacterOfPosition(start).line - place.above + place.block.line
    return `${place.page.path}:${String(line)}: ${message}`
  })
}

/** Does what the blocks of one page say, in their order. */
class Reader {
  readonly #page: Page
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #background: ChildProcess[] = []
  #printed = ''

  constructor(page: Page) {
    this.#page = page
    this.#folder = makeProject(page)
    const path = `${join(this.#folder, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`
    this.#env = { ...process.env, PATH: path, NO_COLOR: '1', FORCE_COLOR: undefined }
  }

  async read(): Promise<void> {
    try {
      for (const block of this.#page.blocks) await this.#do(block)
    } finally {
      await Promise.all(this.#background.map(endGroup))
    }
  }

  async #do(block: Block): Promise<void> {
    if (block.wish === 'run') this.#printed = await this.#run(block)
    else if (block.wish === 'start') this.#background.push(this.#start(block))
    else if (block.wish === 'output' && !showsOutput(block.code, this.#printed)) {
      expect.fail(`${this.#place(block)} shows\n${block.code}\nbut this was printed:\n${this.#printed}`)
    }
  }

  async #run(block: Block): Promise<string> {
    const isShell = block.language === 'sh'
    const program = isShell ? 'sh' : 'jiti'
    const args = isShell ? ['-e', '-c', block.code] : [placeBlock(this.#page, this.#folder, block).file]
    const options = { cwd: this.#folder, env: this.#env, timeout: 60_000 }
    try {
      const { stdout } = await promisify(execFile)(program, args, options)
      return stdout
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string }
      return expect.fail(`${this.#place(block)} failed:\n${stdout}${stderr}`)
    }
  }

  #start(block: Block): ChildProcess {
    return spawn('sh', ['-c', block.code], { cwd: this.#folder, env: this.#env, stdio: 'ignore', detached: true })
  }

  #place(block: Block): string {
    return `${this.#page.path}:${String(block.line)}`
  }
}

/** End a shell and all that it started. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid, 'SIGTERM')
  await exited
}

describe('the code in README.md and docs/', () => {
  it('compiles', () => {
    expect(checkTypes()).toEqual([])
  })

  it.each(runnable.map((page) => [page.path, page] as const))('runs: %s', { timeout: 120_000 }, async (_, page) => {
    await new Reader(page).read()
  })
})

describe('the links in README.md and docs/', () => {
  it.each(pages.map(({ path }) => path))('of %s lead to files and headings that exist', (path) => {
    const broken = localLinks(readFileSync(join(ROOT, path), 'utf8')).filter((link) => {
      const [target = '', heading] = link.split('#')
      const file = target === '' ? join(ROOT, path) : join(ROOT, dirname(path), target)
      return !existsSync(file) || (heading !== undefined && !anchors(readFileSync(file, 'utf8')).includes(heading))
    })
    expect(broken).toEqual([])
  })
})

describe('the marks of blocks', () => {
  const page = parsePage(
    'x.md',
    '<!-- prelude\nimport x\n-->\n```ts file=a.ts\none\n```\ntext\n```sh run\ntwo\n```\n```text output\nthree\n```\n',
  )

  it('are read', () => {
    expect(page.prelude).toBe('import x\n')
    expect(page.blocks.map(({ language, wish, code, line }) => [language, wish, code, line])).toEqual([
      ['ts', 'file=a.ts', 'one\n', 5],
      ['sh', 'run', 'two\n', 9],
      ['text', 'output', 'three\n', 12],
    ])
    expect(page.blocks.map(fileOf)).toEqual(['a.ts', undefined, undefined])
  })

  it('compare output line by line, with gaps', () => {
    expect(showsOutput('a … c\nd', 'a b c\nd\n')).toBe(true)
    expect(showsOutput('a … c', 'a b\nc')).toBe(false)
    expect(showsOutput('1.5', '1x5')).toBe(false)
    expect(showsOutput('a\n…\nz', 'a\nz')).toBe(true)
    expect(showsOutput('a\n…\nz', 'a\nb\nc\nz')).toBe(true)
    expect(showsOutput('a\n…\nz', 'a\nb')).toBe(false)
  })
})
