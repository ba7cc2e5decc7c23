/** The project's own sources as facts: who imports whom, which texts stand where. Read by `architecture.test.ts`. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, posix, resolve, sep } from 'node:path'
import ts from 'typescript'

/** The repository's root folder. */
export const ROOT: string = resolve(import.meta.dirname, '../..')

/** One import, of whatever kind: static, dynamic, re-export, or inside a type. */
export interface Import {
  readonly specifier: string
  readonly line: number
}

/** A text literal. */
export interface Literal {
  readonly text: string
  readonly line: number
}

/** What is to be known of one file. */
export interface Source {
  /** Relative to `src/`, with slashes. */
  readonly path: string
  readonly imports: readonly Import[]
  readonly literals: readonly Literal[]
  /** Lines of variables of the module that can be assigned again. */
  readonly moduleLets: readonly number[]
  /** Packages that are loaded by name: `importPeer('name', ...)`, `requirePeer('name', ...)` and `requires = { package: 'name' }`. */
  readonly peers: readonly Literal[]
}

/** All files below a folder of the repository with this ending; relative to that folder, with slashes, sorted. */
export function listFiles(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => path.split(sep).join('/'))
    .sort()
}

/** Every file of `src/`. */
export function readSources(): Source[] {
  return listFiles('src', '.ts').map((path) => parseSource(path, readFileSync(join(ROOT, 'src', path), 'utf8')))
}

/** The facts of one file with this text. */
export function parseSource(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const source = { path, imports: [] as Import[], literals: [] as Literal[], peers: [] as Literal[] }
  const lineOf = (node: ts.Node): number => file.getLineAndCharacterOfPosition(node.getStart()).line + 1
  const visit = (node: ts.Node): void => {
    const specifier = importedBy(node)
    if (specifier !== undefined) source.imports.push({ specifier: specifier.text, line: lineOf(specifier) })
    const peer = peerOf(node)
    if (peer !== undefined) source.peers.push({ text: peer.text, line: lineOf(peer) })
    if (isText(node) && !isSpecifier(node)) source.literals.push({ text: node.text, line: lineOf(node) })
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { ...source, moduleLets: file.statements.filter(isReassignable).map(lineOf) }
}

/** The file of `src/` that a relative import means. */
export function resolveImport(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier)
}

/** The package that an import means, without the path inside it; undefined for files and for Node's own modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** The circles among files, each as the list of its members. */
export function findCircles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const state = new Map<string, 'open' | 'done'>()
  const trail: string[] = []
  const visit = (path: string): void => {
    state.set(path, 'open')
    trail.push(path)
    for (const next of edges.get(path) ?? []) {
      if (state.get(next) === 'open') circles.push([...trail.slice(trail.indexOf(next)), next])
      else if (!state.has(next)) visit(next)
    }
    trail.pop()
    state.set(path, 'done')
  }
  for (const path of edges.keys()) if (!state.has(path)) visit(path)
  return circles
}

function importedBy(node: ts.Node): ts.StringLiteralLike | undefined {
  let specifier: ts.Node | undefined
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) specifier = node.moduleSpecifier
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    specifier = node.arguments[0]
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) specifier = node.argument.literal
  return specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier : undefined
}

function peerOf(node: ts.Node): ts.StringLiteralLike | undefined {
  let name: ts.Node | undefined
  if (ts.isCallExpression(node) && /^(?:import|require)Peer$/.test(node.expression.getText())) name = node.arguments[0]
  else if (ts.isPropertyAssignment(node) && node.name.getText() === 'package' && isRequires(node.parent.parent)) {
    name = node.initializer
  }
  return name !== undefined && ts.isStringLiteralLike(name) ? name : undefined
}

function isRequires(node: ts.Node): boolean {
  const declaration = ts.isAsExpression(node) || ts.isSatisfiesExpression(node) ? node.parent : node
  return ts.isVariableDeclaration(declaration) && declaration.name.getText() === 'requires'
}

function isText(node: ts.Node): node is ts.LiteralLikeNode {
  return ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
}

function isSpecifier(node: ts.Node): boolean {
  return (
    importedBy(node.parent) === node || (ts.isLiteralTypeNode(node.parent) && ts.isImportTypeNode(node.parent.parent))
  )
}

function isReassignable(statement: ts.Statement): boolean {
  return ts.isVariableStatement(statement) && (statement.declarationList.flags & ts.NodeFlags.Const) === 0
}
