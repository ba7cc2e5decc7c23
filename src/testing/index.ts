/**
 * `celeriac/testing`: what every transport, result backend, beat store and pool must do, as suites for any test runner with
 * `describe` and `it`. For authors of drivers and pools of their own.
 */
export { testBackend } from './backend-suite.ts'
export type { BackendSuiteOptions, StoreUnderTest } from './backend-suite.ts'
export { testBeatStore } from './beat-store-suite.ts'
export type { BeatStoreUnderTest } from './beat-store-suite.ts'
export { testPool } from './pool-suite.ts'
export type { PoolSuiteOptions } from './pool-suite.ts'
export type { TestRunner } from './suite.ts'
export { testTransport } from './transport-suite.ts'
export type { BrokerUnderTest, TransportSuiteOptions } from './transport-suite.ts'
