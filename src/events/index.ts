/** `celeriac/events`: what happens in a cluster, for monitors. An app makes these: `app.events`. */
export type { EventHandlers, Received, ReceivedEvent } from './listener.ts'
export { EventReceiver } from './receiver.ts'
export type { CaptureOptions, ReceiverOptions } from './receiver.ts'
export type { CameraOptions, Shutter } from './snapshot.ts'
export { State } from './state.ts'
export type { AppliedEvent, StateEvent, StateOptions, TaskQuery } from './state.ts'
export { TaskRecord } from './task-record.ts'
export { WorkerRecord } from './worker-record.ts'
