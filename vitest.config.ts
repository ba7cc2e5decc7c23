import { availableParallelism } from 'node:os'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/reporter.ts'],
    // Generous, for machines that are busy: a test that hangs is found all the same.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Many tests wait for servers and processes rather than compute.
    maxWorkers: availableParallelism() + 1,
    // Real processes, for tests set signal handlers, change folders and environment, and block.
    pool: 'forks',
    // Each module is loaded once a process, not once a file: half of the time of the unit tests. Nothing here has state
    // in modules that one file could leave to the next.
    isolate: false,
    // What a test writes and then imports goes to Node as it is, not through vite.
    server: { deps: { external: [/\/celeriac-\w+\/test-\w+\//] } },
  },
})

export default config
