/** A signature as plain data: a call that was not made yet (`celery/canvas.py`). Equal to Python's form, key by key. */

/** Options of a signature under their wire names: `task_id`, `queue`, `link`, `group_id` ... */
export interface SignatureOptions {
  task_id?: string
  link?: SignatureData[] | SignatureData
  link_error?: SignatureData[] | SignatureData
  [name: string]: unknown
}

/** What kind of work-flow it is; null is one plain task. */
export type SubtaskType = 'chain' | 'group' | 'chord' | (string & {}) | null

export interface SignatureData {
  task: string
  args: unknown[]
  kwargs: Record<string, unknown>
  options: SignatureOptions
  subtask_type: SubtaskType
  immutable: boolean
  /** Keys that a newer peer added are kept. */
  [name: string]: unknown
}
