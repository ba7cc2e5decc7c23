/**
 * `celeriac/testing`: what every transport, result backend and pool must do, as suites for any test runner with
 * `describe` and `it`. For authors of drivers and pools of their own.
 */
export { testBackend } from './backend-suite.ts'
export type { BackendSuiteOptions, StoreUnderTest } from './backend-suite.ts'
export { testPool } from './pool-suite.ts'
export type { PoolSuiteOptions } from './pool-suite.ts'
export type { TestRunner } from './suite.ts'
export { testTransport } from './transport-suite.ts'
export type { BrokerUnderTest, TransportSuiteOptions } from './transport-suite.ts'
