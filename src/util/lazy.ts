/**
 * Something that is opened when it is first needed and shared by all who ask: a connection, a backend. After an attempt
 * that failed, and after it was closed, the next who asks opens it anew.
 */

/** What can be opened and closed. */
export interface Closable {
  close(): Promise<void>
}

/** The way to something that may not be open yet. */
export class Lazy<T extends Closable> {
  readonly #open: () => Promise<T>
  #opening: Promise<T> | undefined
  #current: T | undefined
  #closed: Promise<void> = Promise.resolve()

  constructor(open: () => Promise<T>) {
    this.#open = open
  }

  /** What is open now: spares those who are in a hurry the promise of `get()`. */
  get current(): T | undefined {
    return this.#current
  }

  /** Opens it where it is not open. Rejects as opening does; the next call tries again. */
  get(): Promise<T> {
    return (this.#opening ??= this.#start())
  }

  /** Closes what is open, or is being opened. Resolves when it is closed, also the second time. */
  close(): Promise<void> {
    const opening = this.#opening
    this.#opening = this.#current = undefined
    if (opening !== undefined) this.#closed = Promise.all([this.#closed, closeWhenOpen(opening)]).then(() => undefined)
    return this.#closed
  }

  #start(): Promise<T> {
    const opening = this.#open().then(
      (opened) => {
        // It may have been closed meanwhile, and even be opened again.
        if (this.#opening === opening) this.#current = opened
        return opened
      },
      (error: unknown) => {
        if (this.#opening === opening) this.#opening = undefined
        throw error
      },
    )
    return opening
  }
}

/** An error of the opening was told to whoever asked for it. */
async function closeWhenOpen(opening: Promise<Closable>): Promise<void> {
  const opened = await opening.catch(() => undefined)
  await opened?.close()
}
