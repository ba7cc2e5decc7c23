import { describe, it } from 'vitest'
import { testPool } from '../../src/testing/pool-suite.ts'
import { AsyncPool } from '../../src/worker/pool/async.ts'
import { SoloPool } from '../../src/worker/pool/solo.ts'
import { preforkPool, threadsPool } from '../support/pools.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const folder = temporaryDirectory

testPool({ describe, it }, { name: 'async', make: (options) => new AsyncPool(options), folder })
testPool({ describe, it }, { name: 'solo', make: (options) => new SoloPool(options), folder, single: true })
testPool({ describe, it }, { name: 'prefork', make: preforkPool, folder })
testPool({ describe, it }, { name: 'threads', make: threadsPool, folder })
