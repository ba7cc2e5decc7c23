/** Which user a command runs as: becoming another one for good, and what root may not do. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { ImproperlyConfigured, SecurityError } from '../errors.ts'
import { asError } from '../util/as-error.ts'

/** What a process can do about its user; nothing of it is there on Windows. */
export interface Identity {
  readonly getuid?: () => number
  readonly geteuid?: () => number
  readonly setuid?: (id: Account) => void
  readonly setgid?: (id: Account) => void
  readonly setgroups?: (groups: readonly Account[]) => void
  readonly initgroups?: (user: Account, extraGroup: Account) => void
}

/** A user or a group: its name or its number. */
export type Account = string | number

/**
 * Become this user and group for good, with the groups that the user is a member of besides. A user without a group means
 * the user's own. Only root can; being that user already is fine. Throws `ImproperlyConfigured` where there is no such
 * user or group, or this is not root; `SecurityError` where the way back would stay open.
 */
export function dropPrivileges(
  user: Account | undefined,
  group: Account | undefined,
  identity: Identity = globalThis.process,
): void {
  if (user === undefined && group === undefined) return
  const { getuid, geteuid, setuid, setgid } = identity
  if (getuid === undefined || geteuid === undefined || setuid === undefined || setgid === undefined) {
    throw new ImproperlyConfigured('--uid and --gid mean nothing on this system')
  }
  const uid = user === undefined ? undefined : numberOf('-u', user)
  if (geteuid.call(identity) !== 0) {
    if (uid === undefined ? group !== undefined : uid !== getuid.call(identity)) {
      throw new ImproperlyConfigured('Only root can run as another user: leave out --uid and --gid, or start as root')
    }
    return
  }
  const gid = group ?? numberOf('-g', user as Account)
  become('group', gid, () => {
    setGroups(user, gid, identity)
    setgid.call(identity, gid)
  })
  if (uid === undefined) return
  become('user', uid, () => setuid.call(identity, uid))
  if (uid !== 0 && canBecomeRoot(identity))
    throw new SecurityError('Root can be had back after --uid; nothing is started')
}

/** The number of a user, or of the group that is the user's own. Numbers need no entry in the system's list of users. */
function numberOf(what: '-u' | '-g', user: Account): number {
  if (what === '-u' && /^\d+$/.test(String(user))) return Number(user)
  try {
    return Number(execFileSync('id', [what, String(user)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))
  } catch (error) {
    const need = what === '-g' ? '; name a group with --gid' : ''
    throw new ImproperlyConfigured(`There is no user "${String(user)}" on this system${need}`, { cause: error })
  }
}

/** Root's groups go in any case; the user's come where the system knows the user. */
function setGroups(user: Account | undefined, gid: Account, identity: Identity): void {
  identity.setgroups?.([gid])
  if (user === undefined) return
  try {
    identity.initgroups?.(user, gid)
  } catch {
    // A number that the system has no entry for is in no group.
  }
}

function become(what: string, account: Account, change: () => void): void {
  try {
    change()
  } catch (error) {
    throw new ImproperlyConfigured(`The ${what} "${String(account)}" cannot be had: ${asError(error).message}`, {
      cause: error,
    })
  }
}

function canBecomeRoot(identity: Identity): boolean {
  try {
    identity.setuid?.(0)
    return true
  } catch {
    return false
  }
}

/** Names that accept pickle in messages. */
const PICKLE: ReadonlySet<string> = new Set(['pickle', 'application/x-python-serialize'])

/** What is said to a worker that runs as root. */
export interface RootAdvice {
  readonly warning: string | undefined
}

/**
 * Look whether the worker runs as root. Throws `SecurityError` where it accepts pickle then, unless `C_FORCE_ROOT` is set;
 * otherwise there is something to warn of, but not inside a container, where being root is the custom.
 */
export function checkRoot(
  acceptContent: readonly string[],
  env: NodeJS.ProcessEnv,
  inContainer: () => boolean = isInContainer,
  identity: Identity = globalThis.process,
): RootAdvice {
  const isRoot = [identity.getuid, identity.geteuid].some((get) => get?.call(identity) === 0)
  if (!isRoot || (env['C_FORCE_ROOT'] ?? '') !== '') return { warning: undefined }
  if (acceptContent.some((name) => PICKLE.has(name))) {
    throw new SecurityError(
      'A worker that accepts pickle does not run as root: leave pickle out of acceptContent, run as another user ' +
        '(--uid), or set C_FORCE_ROOT=1 where you know what you do',
    )
  }
  return {
    warning: inContainer() ? undefined : 'The worker runs as root; give it a user of its own, such as --uid=celery',
  }
}

/** As Docker and Podman mark theirs; and nothing else lets an own program be the first of the system. */
function isInContainer(): boolean {
  return process.pid === 1 || ['/.dockerenv', '/run/.containerenv'].some((file) => existsSync(file))
}
