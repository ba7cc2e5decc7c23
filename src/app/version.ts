/** What this package's own package.json says. */
import { readFileSync } from 'node:fs'

interface PackageFile {
  readonly version: string
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The version of this package. */
export function packageVersion(): string {
  return ownPackage().version
}

/** The packages that some brokers, backends and serializers need. */
export function optionalPackages(): string[] {
  return Object.keys(ownPackage().peerDependencies ?? {})
}

function ownPackage(): PackageFile {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as PackageFile
}
