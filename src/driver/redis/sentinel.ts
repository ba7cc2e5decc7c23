/** Finds the master that Redis Sentinel watches over. Asked anew for each connection, so a failover is found out. */
import { ConnectionError, OperationalError } from '../../errors.ts'
import { asError } from '../../util/as-error.ts'
import { openConnection } from './connection.ts'
import type { ServerConnection } from './connection.ts'
import { openLink } from './link.ts'
import type { Link, LinkParts } from './link.ts'
import { placeOf } from './options.ts'
import type { RedisAddress, RedisSettings } from './options.ts'

/** Connect to the master. Rejects with `ConnectionError` where no sentinel knows one that can be reached. */
export async function openMaster(settings: RedisSettings, parts: LinkParts): Promise<ServerConnection> {
  const failures: Error[] = []
  for (const sentinel of settings.addresses) {
    try {
      const master = await askSentinel(settings, { ...parts, address: sentinel })
      return await openWhereMaster({ ...parts, address: master })
    } catch (error) {
      failures.push(asError(error))
    }
  }
  const reasons = failures.map((failure) => failure.message).join('; ')
  throw new ConnectionError(
    `No sentinel of ${settings.place} leads to the master "${settings.masterName}": ${reasons}`,
    {
      cause: failures[0],
    },
  )
}

async function askSentinel(settings: RedisSettings, parts: LinkParts): Promise<RedisAddress> {
  const link = await openLink({ ...parts, login: settings.sentinelLogin, database: 0, clientName: undefined })
  try {
    const address = await readMaster(link, settings.masterName)
    if (settings.minOtherSentinels > 0) await countSentinels(link, settings)
    return address
  } finally {
    link.end()
  }
}

async function readMaster(link: Link, name: string): Promise<RedisAddress> {
  const [reply] = await link.send([['SENTINEL', 'get-master-addr-by-name', name]])
  if (!Array.isArray(reply)) throw new OperationalError(`the sentinel ${link.place} knows no master "${name}"`)
  const [host, port] = reply
  return { host: String(host), port: Number(port) }
}

async function countSentinels(link: Link, { masterName, minOtherSentinels }: RedisSettings): Promise<void> {
  const [others] = await link.send([['SENTINEL', 'sentinels', masterName]])
  if (Array.isArray(others) && others.length >= minOtherSentinels) return
  throw new OperationalError(`the sentinel ${link.place} sees fewer than ${String(minOtherSentinels)} others`)
}

/** In the middle of a failover a sentinel may still name the old master. */
async function openWhereMaster(parts: LinkParts): Promise<ServerConnection> {
  const connection = await openConnection(parts)
  const [role] = await connection.send([['ROLE']])
  if (Array.isArray(role) && role[0] === 'master') return connection
  await connection.close()
  throw new OperationalError(`Redis at ${placeOf(parts.address)} is not the master any more`)
}
