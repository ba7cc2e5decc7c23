/** What a bug report should tell of an app: versions, machine, broker, backend, settings. Secrets are masked. */
import { arch, cpus, release, type } from 'node:os'
import { installedVersion } from '../driver/load.ts'
import { maskPassword, schemeOf, splitUrls } from '../util/url.ts'
import type { App } from './app.ts'

/** The report as plain data. */
export interface BugReport {
  /** Versions by name. */
  readonly software: Readonly<Record<string, string>>
  readonly platform: {
    readonly system: string
    readonly release: string
    readonly arch: string
    readonly cores: number
  }
  /** Versions of the optional packages; null where one is not installed. */
  readonly packages: Readonly<Record<string, string | null>>
  readonly app: { readonly main: string; readonly file: string | null }
  /** Kinds of brokers, in fail-over order. */
  readonly transport: readonly string[]
  readonly results: string
  /** What differs from the defaults, under Celery's names. */
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * The report on an app. Reads its settings files, but connects to nothing. `version` is that of this package, `packages`
 * are the optional ones to look for.
 */
export async function bugReport(app: App, version: string, packages: readonly string[] = []): Promise<BugReport> {
  const settings = await app.prepare()
  return {
    software: { celeriac: version, node: process.version.slice(1), v8: process.versions.v8 },
    platform: { system: type(), release: release(), arch: arch(), cores: cpus().length },
    packages: Object.fromEntries(packages.map((name) => [name, installedVersion(name) ?? null])),
    app: { main: app.main, file: app.file ?? null },
    transport: splitUrls(settings.brokerUrl).map(schemeOf),
    results: settings.resultBackend === null ? 'disabled' : maskPassword(settings.resultBackend),
    settings: app.conf.table(),
  }
}

/** The report as text, in the form of Celery's. `settings` are those of the report, one a line. */
export function formatReport(report: BugReport, settings: string): string {
  const { app, platform, transport, results } = report
  return [
    '',
    `software -> ${pairs(report.software)}`,
    `platform -> ${pairs({ ...platform, cores: String(platform.cores) })}`,
    `packages -> ${pairs(Object.fromEntries(Object.entries(report.packages).map(([name, v]) => [name, v ?? 'none'])))}`,
    `app      -> ${app.main} (${app.file ?? 'no file'})`,
    `settings -> transport:${transport.join(';')} results:${results}`,
    '',
    settings,
    '',
  ].join('\n')
}

function pairs(facts: Readonly<Record<string, string>>): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name}:${value}`)
    .join(' ')
}
