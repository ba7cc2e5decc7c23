/** `celeriac upgrade settings`: gives the settings in a file their names of today. */
import { chmod, copyFile, constants, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isUtf8 } from 'node:buffer'
import { extname, resolve } from 'node:path'
import type { Command } from 'commander'
import { ImproperlyConfigured } from '../errors.ts'
import type { CommandRunner } from './command.ts'
import { renameJavaScript } from './javascript-names.ts'
import { jsonOption } from './options.ts'
import { count } from './output.ts'
import { renamePython } from './python-names.ts'
import type { Session } from './session.ts'
import {
  applyEdits,
  changedLines,
  formatDiff,
  toCamelCase,
  toPrefixedCapitals,
  toSnakeCase,
  type Edit,
} from './setting-edits.ts'

interface UpgradeOptions {
  readonly django?: boolean
  readonly compat?: boolean
  /** False with `--no-backup`. */
  readonly backup: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ celeriac upgrade settings celeryconfig.py --dry-run
  $ celeriac upgrade settings mysite/settings.py --django
  $ celeriac upgrade settings settings.ts --no-backup

Old names (CELERYD_CONCURRENCY) become worker_concurrency in Python, CELERY_WORKER_CONCURRENCY with --django, and
workerConcurrency in JavaScript, TypeScript, JSON and YAML, where snake_case does too. Nothing but names is changed.`

/** Add the command to the program. */
export function addUpgradeCommand(program: Command, run: CommandRunner): void {
  const upgrade = program.command('upgrade').description('Bring files up to date.').addHelpText('after', EXAMPLES)
  upgrade
    .command('settings')
    .description('Give the settings in a file their names of today.')
    .argument('<file>', 'a settings file: .py, .js, .ts, .json or .yaml')
    .option('--django', 'for the settings of a Django project: capitals with CELERY_ in front')
    .option('--compat', 'the same as --django')
    .option('--no-backup', 'do not keep the old file as FILE.orig')
    .option('--dry-run', 'show what would change, and change nothing')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(run(upgradeSettings))
}

async function upgradeSettings(
  { output, process }: Session,
  options: UpgradeOptions,
  [name = '']: readonly string[],
): Promise<void> {
  const file = resolve(process.cwd(), name)
  const before = await read(file, name)
  const after = applyEdits(before, editsFor(name, before, options.django === true || options.compat === true))
  const lines = changedLines(before, after)
  if (options.dryRun !== true && lines.length > 0) await replace(file, after, options.backup)
  if (options.json === true) output.json({ file: name, lines })
  else if (lines.length === 0) output.line('Does not seem to require any changes :-)')
  else if (options.dryRun === true) output.line(formatDiff(name, lines))
  else output.line(`${count(lines.length, 'line')} of ${name} changed.`)
}

async function read(file: string, name: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ImproperlyConfigured(`${name} cannot be read: ${reason}`, { cause: error })
  })
  if (!isUtf8(bytes)) throw new ImproperlyConfigured(`${name} is not UTF-8, and is left as it is`)
  return bytes.toString('utf8')
}

function editsFor(name: string, text: string, isCapital: boolean): Edit[] {
  const extension = extname(name).toLowerCase()
  if (extension === '.py') return renamePython(text, isCapital ? toPrefixedCapitals : toSnakeCase)
  if (isCapital) throw new ImproperlyConfigured('--django and --compat are for Python files')
  if (/^\.(?:[cm]?[jt]s|json)$/.test(extension)) return renameJavaScript(text, toCamelCase)
  if (/^\.ya?ml$/.test(extension)) return renameYaml(text)
  throw new ImproperlyConfigured(`${name} is no settings file: there are .py, .js, .ts, .json and .yaml`)
}

/** Keys at the beginning of a line. */
function renameYaml(text: string): Edit[] {
  return [...text.matchAll(/^(["']?)(\w+)\1[ \t]*:/gm)].flatMap(({ 1: quote = '', 2: name = '', index }): Edit[] => {
    const changed = toCamelCase(name)
    const start = index + quote.length
    return changed === undefined ? [] : [{ start, end: start + name.length, text: changed }]
  })
}

/** In one step: whoever reads the file finds the old one or the new one. Links stay links. */
async function replace(link: string, text: string, keepsBackup: boolean): Promise<void> {
  const file = await realpath(link)
  const fresh = `${file}.${String(globalThis.process.pid)}.new`
  if (keepsBackup) await backUp(file)
  try {
    const { mode } = await stat(file)
    await writeFile(fresh, text, { flag: 'wx', flush: true, mode })
    // The process's mask takes some of it away.
    await chmod(fresh, mode)
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}

async function backUp(file: string): Promise<void> {
  const backup = `${file}.orig`
  await copyFile(file, backup, constants.COPYFILE_EXCL).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new ImproperlyConfigured(`${backup} is there already: move it away, or use --no-backup`, { cause: error })
  })
}
