/**
 * Ends a test run with what a person and a program want to know last: which suites did not run because their server
 * could not be had, and `N passed, N failed, N skipped` on a line of its own.
 */
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'
import { MISSING_SERVER } from './missing-server.ts'

/** How many tests ended in which way. */
export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The reporter that `vitest.config.ts` names. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    for (const line of [...missingServers(modules), totalsLine(count(modules, unhandled))]) console.log(line)
  }
}

/** The line that programs look for. */
export function totalsLine(totals: Totals): string {
  return `${String(totals.passed)} passed, ${String(totals.failed)} failed, ${String(totals.skipped)} skipped`
}

/** A file that could not be loaded, a hook that threw and an error outside of any test count as one failure each. */
function count(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Totals {
  const totals = { passed: 0, failed: unhandled.length, skipped: 0 }
  for (const module of modules) {
    totals.failed += module.errors().length
    for (const suite of module.children.allSuites()) totals.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') totals.passed += 1
      else if (state === 'failed') totals.failed += 1
      else totals.skipped += 1
    }
  }
  return totals
}

function missingServers(modules: readonly TestModule[]): string[] {
  const suites = modules.flatMap((module) => [...module.children.allSuites()])
  const names = suites.filter((suite) => suite.name.includes(MISSING_SERVER)).map((suite) => suite.fullName)
  return names.length === 0
    ? []
    : ['', '!!! NOT RUN, because the server is missing:', ...names.map((n) => `!!!   ${n}`), '']
}
