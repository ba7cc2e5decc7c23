import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { connectRedis } from '../../../src/driver/redis.ts'
import type { RedisOptions } from '../../../src/driver/redis.ts'
import { ConnectionError, ImproperlyConfigured, OperationalError } from '../../../src/errors.ts'
import { findFreePort } from '../../support/ports.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import type { RedisServer } from '../../support/redis.ts'
import { describeWithServer, requireServer } from '../../support/server.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { waitFor } from '../../support/wait-for.ts'

/** What the server says of the one connection that it is asked over. */
async function greet(url: string, options: RedisOptions = {}): Promise<string> {
  const client = await connectRedis(url, options, 'The test')
  try {
    const [info] = await client.send([['CLIENT', 'LIST', 'ID', String((await client.send([['CLIENT', 'ID']]))[0])]])
    return String(info)
  } finally {
    await client.close()
  }
}

async function withServer(args: readonly string[], body: (server: RedisServer) => Promise<void>): Promise<void> {
  const server = await startRedis({ args })
  try {
    await body(server)
  } finally {
    await server.stop()
  }
}

describe('connecting to nobody', () => {
  it('says who could not be reached, and not the password', async () => {
    const port = String(await findFreePort())
    const error = await greet(`redis://user:secret@127.0.0.1:${port}/0`).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConnectionError)
    expect(String(error)).toContain(`Redis at 127.0.0.1:${port} cannot be reached`)
    expect(String(error)).not.toContain('secret')
  })

  it('says so of a name that does not exist', async () => {
    await expect(greet('redis://no-such-host.invalid')).rejects.toThrow(ConnectionError)
  })

  it('refuses URLs and values that make no sense', async () => {
    await expect(greet('redis://h/first')).rejects.toThrow(ImproperlyConfigured)
  })
})

describeWithRedis('connecting', () => {
  it('chooses the database and a name, over TCP and over a Unix socket', async () => {
    const path = join(temporaryDirectory(), 'redis.sock')
    await withServer(['--unixsocket', path], async ({ port }) => {
      const url = `redis://127.0.0.1:${String(port)}`
      expect(await greet(`${url}/3`, { client_name: 'me' })).toMatch(/ name=me .* db=3 /)
      expect(await greet(`${url}?db=4`)).toContain(' db=4 ')
      expect(await greet(`redis+socket://${path}?virtual_host=5`)).toMatch(/redis\.sock.* db=5 /)
      expect(await greet(`socket://${path}`)).toContain(' db=0 ')
    })
  })

  it('logs in, with a user or without, and says what is wrong where it cannot', async () => {
    const password = 'p@ss/word:1'
    await withServer([], async (server) => {
      const { port } = server
      await server.ask('ACL', 'SETUSER', 'worker', 'on', `>${password}`, '~*', '&*', '+@all')
      const at = `127.0.0.1:${String(port)}`
      expect(await greet(`redis://worker:${encodeURIComponent(password)}@${at}/0`)).toContain(' user=worker ')
      expect(await greet(`redis://${at}/0`, { username: 'worker', password })).toContain(' user=worker ')
      await expect(greet(`redis://worker:wrong@${at}/0`)).rejects.toThrow(/does not know this user and password/)
      await server.ask('CONFIG', 'SET', 'requirepass', password)
      expect(await greet(`redis://:${encodeURIComponent(password)}@${at}/0`)).toContain(' user=default ')
      await expect(greet(`redis://${at}/0`)).rejects.toThrow(/wants a password/)
    })
  })

  it('does not take a server for ready that is still loading its data', async () => {
    await withServer([], async (server) => {
      await server.ask('EVAL', "for i = 1, 2000 do redis.call('SET', i, i) end", '0')
      await server.ask('SAVE')
      const slow = ['--key-load-delay', '3000', '--loading-process-events-interval-bytes', '1024']
      const loading = await startRedis({ args: ['--dir', server.folder, ...slow], waits: false })
      try {
        const answer = async (): Promise<unknown> => greet(loading.url).catch((reason: unknown) => reason)
        const error = await waitFor(async () => String(await answer()).includes('is loading its data') && answer())
        expect(error).toBeInstanceOf(OperationalError)
      } finally {
        await loading.kill()
      }
    })
  })
})

describeWithServer('TLS', 'openssl', requireServer('openssl', ['openssl']), () => {
  it('checks the certificate unless it is told not to', async () => {
    const folder = temporaryDirectory()
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const making = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate]
    execFileSync('openssl', [...making, ...subject], { stdio: 'ignore' })
    const port = String(await findFreePort())
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
    await withServer(['--tls-port', port, ...files], async () => {
      const query = `ssl_ca_certs=${encodeURIComponent(certificate)}&ssl_certfile=${certificate}&ssl_keyfile=${key}`
      expect(await greet(`rediss://localhost:${port}/2?ssl_cert_reqs=required&${query}`)).toContain(' db=2 ')
      const ssl = { ssl_ca_certs: certificate, ssl_certfile: certificate, ssl_keyfile: key }
      expect(await greet(`redis://localhost:${port}`, { ssl })).toContain(' db=0 ')
      // The certificate is for another name, is not to be trusted, is not shown.
      await expect(greet(`rediss://127.0.0.1:${port}?${query}`)).rejects.toThrow(/altnames/)
      expect(await greet(`rediss://127.0.0.1:${port}?ssl_check_hostname=false&${query}`)).toContain(' db=0 ')
      await expect(greet(`rediss://localhost:${port}`)).rejects.toThrow(/self-signed/)
      await expect(greet(`rediss://localhost:${port}?ssl_cert_reqs=none`)).rejects.toThrow(ConnectionError)
      expect(await greet(`rediss://localhost:${port}?ssl_cert_reqs=CERT_NONE&${query}`)).toContain(' db=0 ')
    })
  })
})
