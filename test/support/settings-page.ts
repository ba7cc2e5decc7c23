/**
 * The text of docs/settings.md, made from the table of settings: groups and descriptions are the comments of the table,
 * all else its rows. `npx vitest run test/settings-page.test.ts -u` writes it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { SETTING_NAMES, settingRow } from '../../src/app/settings.ts'
import type { SettingName } from '../../src/app/settings.ts'
import { listFiles, ROOT } from './sources.ts'

const INTRODUCTION = `# Settings

<!-- Made from the table in src/app/settings.ts. Change it there, then run: npm run docs:settings -->

Settings are given to the constructor, with \`app.configFromObject()\`, in a settings file or in the environment. Each has
the camelCase form of Celery's name; \`snake_case\` names and the old upper-case names are understood too, and an unknown
name is an error that names the nearest known one. Durations are seconds. \`null\` is Python's \`None\`: nothing, no limit,
or for ever.
`

const WITHOUT_EFFECT = `## Understood, without effect

These settings of Celery are read and checked, so that a configuration can be shared with Python, and change nothing in
this package.
`

interface Documented {
  readonly name: SettingName
  readonly group: string
  readonly text: string
}

/** The whole page. */
export function settingsPage(): string {
  const settings = documentedSettings()
  const used = settings.filter(({ name }) => isUsed(name))
  const groups = [...new Set(used.map(({ group }) => group))]
  const sections = groups.map((group) =>
    [`## ${group}\n`, ...table(used.filter((setting) => setting.group === group))].join('\n'),
  )
  const unused = settings.filter((setting) => !used.includes(setting))
  return `${[INTRODUCTION, ...sections, WITHOUT_EFFECT, ...listByGroup(unused)].join('\n')}\n`
}

function listByGroup(settings: readonly Documented[]): string[] {
  const groups = [...new Set(settings.map(({ group }) => group))]
  return groups.map((group) => {
    const names = settings.filter((setting) => setting.group === group).map(({ name }) => `\`${name}\``)
    return `- ${group}: ${names.join(', ')}`
  })
}

function table(settings: readonly Documented[]): string[] {
  return [
    '| setting | type | default | |',
    '| --- | --- | --- | --- |',
    ...settings.map(
      ({ name, text }) => `| \`${name}\` | ${typeOf(name)} | ${defaultOf(name)} | ${describe(name, text)} |`,
    ),
    '',
  ]
}

function typeOf(name: SettingName): string {
  const { type, choices } = settingRow(name)
  return choices === undefined ? type : choices.map((choice) => `\`${String(choice)}\``).join(' ')
}

function defaultOf(name: SettingName): string {
  const { default: value, fallback } = settingRow(name)
  if (fallback !== undefined && value === null) return `\`${fallback}\``
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function describe(name: SettingName, text: string): string {
  const { env, insteadUse } = settingRow(name)
  const notes = [
    text,
    ...(insteadUse === undefined ? [] : [`Better: ${insteadUse}.`]),
    ...(env === undefined ? [] : [`Environment: \`${env}\`.`]),
  ]
  return notes.join(' ').replaceAll('|', '\\|')
}

/** Rows in the table's order, with the comment above each and the line comment above its group. */
function documentedSettings(): Documented[] {
  const source = readFileSync(join(ROOT, 'src/app/settings.ts'), 'utf8')
  const file = ts.createSourceFile('settings.ts', source, ts.ScriptTarget.Latest, true)
  let group = ''
  return tableRows(file).map((row) => {
    const comments = (ts.getLeadingCommentRanges(source, row.pos) ?? []).map(({ pos, end }) => source.slice(pos, end))
    group =
      comments
        .find((comment) => comment.startsWith('//'))
        ?.slice(2)
        .trim() ?? group
    const text = comments.findLast((comment) => comment.startsWith('/**')) ?? ''
    const name = row.name.getText() as SettingName
    return {
      name,
      group,
      text: text
        .replaceAll(/^\/\*\*|\*\/$|^ *\*/gm, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    }
  })
}

function tableRows(file: ts.SourceFile): ts.PropertyAssignment[] {
  const rows: ts.PropertyAssignment[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'SETTINGS') {
      const literal =
        node.initializer !== undefined && ts.isAsExpression(node.initializer) && node.initializer.expression
      if (literal !== false && ts.isObjectLiteralExpression(literal)) {
        rows.push(...literal.properties.filter(ts.isPropertyAssignment))
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  if (rows.length !== SETTING_NAMES.length) throw new Error('The table of settings is not written as it is read here')
  return rows
}

/** Does any code but the table itself name the setting, or another setting that falls back on it? */
function isUsed(name: SettingName): boolean {
  const row = settingRow(name)
  if (row.python === true || row.elsewhere === true) return false
  return usedNames.has(name) || SETTING_NAMES.some((other) => settingRow(other).fallback === name && isUsed(other))
}

const usedNames: ReadonlySet<string> = new Set(
  listFiles('src', '.ts')
    .filter((path) => path !== 'app/settings.ts')
    .flatMap((path) => identifiers(readFileSync(join(ROOT, 'src', path), 'utf8'))),
)

function identifiers(source: string): string[] {
  const file = ts.createSourceFile('file.ts', source, ts.ScriptTarget.Latest)
  const names: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) names.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return names
}
