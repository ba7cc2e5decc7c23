import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { testPool } from '../../src/testing/pool-suite.ts'
import { AsyncPool } from '../../src/worker/pool/async.ts'
import { PreforkPool } from '../../src/worker/pool/prefork.ts'
import { SoloPool } from '../../src/worker/pool/solo.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

// Children run from the built package: Node knows no TypeScript there.
const built = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url))

testPool({ describe, it }, { name: 'async', make: (options) => new AsyncPool(options), folder: temporaryDirectory })

testPool(
  { describe, it },
  { name: 'solo', make: (options) => new SoloPool(options), folder: temporaryDirectory, single: true },
)

testPool(
  { describe, it },
  {
    name: 'prefork',
    make: (options) =>
      new PreforkPool({
        ...options,
        childEntry: built('worker/pool/child.js'),
        runner: built('testing/pool-runner.js'),
      }),
    folder: temporaryDirectory,
  },
)
