/** An exception as plain data (`exc_type`, `exc_message`, `exc_module`) to and from `Error`. */

export interface ExceptionDocument {
  exc_type: string
  /** The arguments that the exception was made with: a list, or one value. */
  exc_message: unknown
  exc_module: string
}
