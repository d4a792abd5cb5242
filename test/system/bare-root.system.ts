/** frameworkd-legacy where nothing of a system is that it could lean on. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { type MariaDb, query, startMariaDb } from '../support/mariadb.ts'
import { packageFile } from './support/appliance.ts'
import { BareRoot } from './support/bare-root.ts'
import { NameServer } from './support/name-server.ts'

const place = 'no C library, Linux 4.9'
const nameServer = '127.0.0.77'
const hostName = 'db.appliance.test'
const systemId = '01234567-89AB-CDEF-0123-456789ABCDEF'
const setup = ['/usr/sbin/frameworkd-setup', '--non-interactive', '--no-color', '--init', 'none'] as const
const port = '41003'

describe(place, () => {
  const resources = new AsyncDisposableStack()
  const certificates = resources.use(makeCertificates())
  let database: MariaDb
  let names: NameServer
  const promise = (title: string, prove: (root: BareRoot) => Promise<void>) =>
    test(`${place}: ${title}`, { timeout: 300_000 }, async () => {
      using root = new BareRoot(packageFile('frameworkd-legacy').replace('/packages', 'build'))
      await prove(root)
    })

  before(async () => {
    // Node asks for addresses of the kinds that the machine has itself, and 127.0.0.1 is none of them for the C
    // library: beside a device of another test that has an IPv6 address alone, IPv4 would not be asked for.
    execFileSync('ip', ['address', 'replace', `${nameServer}/8`, 'dev', 'lo'])
    certificates.issue({ names: `DNS:${hostName}` })
    database = resources.use(await startMariaDb(...certificates.serverOptions))
    // Whoever runs the daemon has to reach the socket.
    chmodSync(dirname(database.socket), 0o755)
    names = resources.use(await NameServer.start(nameServer, hostName, '127.0.0.1'))
    await query(database.socket, undefined, `CREATE USER 'ossim'@'%' IDENTIFIED BY 'secret' REQUIRE SSL`)
    await query(database.socket, undefined, `CREATE USER 'local'@'localhost' IDENTIFIED BY 'secret'`)
    for (const [name, account] of [
      ['tls', `'ossim'@'%'`],
      ['local', `'local'@'localhost'`],
    ]) {
      await query(database.socket, undefined, `CREATE DATABASE ${name}`)
      await query(database.socket, undefined, `GRANT ALL ON ${name}.* TO ${account}`)
    }
  })
  after(() => resources.disposeAsync())

  promise('the embedded store: set up, served, reloaded, exported and stopped', async (root) => {
    assert.deepEqual(
      root.libraries().filter((path) => !path.startsWith('/usr/lib/frameworkd/lib/')),
      [],
    )
    assert.match(await root.output(...setup, '--store', 'sqlite'), /failed=0/)
    assert.match(await root.output(...setup), /changed=0 .*failed=0/)
    await serve(root)
    root.write('/root/passphrase', 'correct horse battery staple\n', 0o600)
    const passphrase = ['--passphrase-file', '/root/passphrase']
    await root.output('/usr/sbin/frameworkd-setup', 'key', 'export', '--to', '/root/key.age', ...passphrase)
    await root.output('/usr/sbin/frameworkd-setup', 'key', 'verify', '--from', '/root/key.age', ...passphrase)
  })

  promise('a server by the name that DNS knows, over TLS whose certificate is verified', async (root) => {
    root.write('/etc/resolv.conf', `nameserver ${nameServer}\n`)
    root.write('/etc/ssl/db-ca.pem', certificates.ca)
    root.write('/root/password', 'secret\n', 0o600)
    const server = ['--db-host', hostName, '--db-port', String(database.port), '--db-name', 'tls', '--db-user', 'ossim']
    const secrets = ['--db-password-file', '/root/password', '--db-ssl-ca', '/etc/ssl/db-ca.pem', '--create-schema']
    const asked = names.asked
    assert.match(await root.output(...setup, '--store', 'mysql', ...server, ...secrets), /failed=0/)
    assert.notEqual(names.asked, asked)
    await serve(root)
    root.write('/etc/ssl/db-ca.pem', certificates.otherCa)
    assert.equal((await root.run(...setup)).code, 2)
  })

  promise('a server by its socket, and a key of the system id, which another program tells', async (root) => {
    root.bind(dirname(database.socket), '/run/mysqld')
    root.write('/usr/bin/alienvault-system-id', `#!/bin/sh\necho ${systemId}\n`, 0o755)
    root.write('/root/password', 'secret\n', 0o600)
    const server = ['--db-socket', '/run/mysqld/socket', '--db-name', 'local', '--db-user', 'local']
    const more = ['--db-password-file', '/root/password', '--create-schema']
    assert.match(await root.output(...setup, '--store', 'mysql', ...server, ...more), /failed=0/)
    const rows = await query(database.socket, 'local', `SELECT value FROM config WHERE conf = 'encryption_key'`)
    assert.deepEqual(rows, [[systemId]])
    await serve(root)
  })
})

/** Starts the daemon as the owner's account, and stops it when it has answered. */
async function serve(root: BareRoot): Promise<void> {
  const daemon = '/usr/sbin/frameworkd'
  assert.match(await root.output(daemon, 'start', '--port', port), /./)
  assert.equal(await root.output(daemon, 'ping'), 'pong')
  assert.match(await root.output('/bin/busybox', 'ps', '-o', 'user,comm'), /^www-data +frameworkd$/m)
  await root.output(daemon, 'reload')
  await root.output(daemon, 'status')
  await root.output(daemon, 'stop')
  assert.equal((await root.run(daemon, 'status')).code, 3)
}
