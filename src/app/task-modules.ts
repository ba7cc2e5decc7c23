/** The modules that define an app's tasks: those that settings name, and those that globs find. */
import { dirname, resolve } from 'node:path'
import { findFiles } from './find-files.ts'
import { importModule, SCRIPT_EXTENSIONS } from './loader.ts'
import type { Settings } from './settings.ts'

/** What an app imports before it works tasks. */
export class TaskModules {
  readonly #folder: string
  readonly #globs: string[] = []

  /** `appFile` is the file that made the app: relative paths start beside it, without one in the working directory. */
  constructor(appFile: string | undefined) {
    this.#folder = appFile === undefined ? process.cwd() : dirname(appFile)
  }

  /** An absolute path for one that is relative to the app. */
  resolve(path: string): string {
    return resolve(this.#folder, path)
  }

  /** Import what these globs find, too. */
  discover(globs: readonly string[]): void {
    this.#globs.push(...globs)
  }

  /**
   * Import all, one after another: the settings `imports` and `include`, then what was discovered. Answers the files.
   * Throws as `importModule` does.
   */
  async import({ imports, include }: Pick<Settings, 'imports' | 'include'>): Promise<string[]> {
    const named = [...imports, ...include].map((path) => this.resolve(path))
    const found = this.#globs.flatMap((glob) => findFiles(glob, this.#folder)).filter(isModule)
    const files = [...new Set([...named, ...found])]
    for (const file of files) await importModule(file)
    return files
  }
}

/** A glob may find what lies beside modules, too: declarations, source maps, data. */
function isModule(file: string): boolean {
  return SCRIPT_EXTENSIONS.some((extension) => file.endsWith(extension)) && !/\.d\.[cm]?ts$/.test(file)
}
