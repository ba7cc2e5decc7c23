/** `celeriac/worker`: a worker inside a program, and the seam for pools of one's own. What is not named here may change. */
export { Worker } from './worker.ts'
export type { StopStrength, WorkerFacts, WorkerOptions } from './worker.ts'
export type { Autoscaler, AutoscalerParts, AutoscaleRange, CreateAutoscaler } from './autoscaler.ts'
export type { Command, CommandArgument, CommandArguments, CommandTarget } from './commands/command.ts'
export type { Component, ComponentHost, Undo } from './component.ts'
export type { DeliveryInfo, Job, JobControl, JobObserver, Pool, PoolOptions, RunJob } from './pool/pool.ts'
export type { CreatePool } from './pool/registry.ts'
export type { Failure, Outcome } from '../task/outcome.ts'
