/** With whom a connection is made, what is encrypted, and what a server gets to hear that only pretends. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, mkdirSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { KnownError } from '../../../src/errors.ts'
import { Host } from '../../../src/host/host.ts'
import { paths } from '../../../src/paths.ts'
import type { SettingName } from '../../../src/settings/definitions.ts'
import { openSocketOf } from '../../../src/store/mysql/local-socket.ts'
import { openMysqlStore, type ServerAddress } from '../../../src/store/mysql/mysql.ts'
import { Secret } from '../../../src/text/secret.ts'
import { type CertificateRequest, type Certificates, makeCertificates } from '../../support/certificates.ts'
import { daemonVerb } from '../../support/daemon.ts'
import { leftOut } from '../../support/extent.ts'
import {
  type FakeServer,
  type FakeSession,
  greeting,
  ok,
  startFakeServer,
  switchTo,
  wantsPassword,
} from '../../support/fake-server.ts'
import { type MariaDb, query, startMariaDb } from '../../support/mariadb.ts'
import { isInOwnNetwork, otherMachine } from '../../support/own-network.ts'
import { run } from '../../support/programs.ts'
import { configTableSql, Sandbox } from '../../support/sandbox.ts'

const signal = new AbortController().signal
const password = 'the password of the test'
const account = { database: 'alienvault', user: 'ossim', password: new Secret(password) }
const here = '127.0.0.1'
const there = otherMachine.address

interface Outcome {
  warned?: boolean
  code?: string
  message?: string
  hint?: string
}

/** What comes of opening a store and reading its rows. */
async function tryOpen(address: Partial<ServerAddress> & { port: number }): Promise<Outcome> {
  try {
    await using store = await openMysqlStore({ ...account, host: here, ...address }, { signal, limitMs: 5000 })
    await store.rows()
    return { warned: store.warnings.length > 0 }
  } catch (error) {
    if (!(error instanceof KnownError)) throw error
    return { code: error.code, message: error.message, hint: error.hint }
  }
}

if (isInOwnNetwork(import.meta.url, 'to another machine and within this one, TLS and the login keep their rules')) {
  let certificates: Certificates
  let server: MariaDb
  const administer = (sql: string) => query(server.socket, undefined, sql)

  before(async () => {
    certificates = makeCertificates()
    server = await startMariaDb(...certificates.serverOptions, '--bind-address=0.0.0.0', '--skip-name-resolve')
    await administer('CREATE DATABASE alienvault')
    for (const host of ['localhost', '127.0.0.1', '10.77.0.1']) {
      await administer(`CREATE USER ossim@'${host}' IDENTIFIED BY '${password}'`)
      await administer(`GRANT ALL ON alienvault.* TO ossim@'${host}'`)
    }
    await query(server.socket, 'alienvault', configTableSql)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    certificates[Symbol.dispose]()
  })

  async function useCertificate(request: CertificateRequest): Promise<void> {
    certificates.issue(request)
    await administer('FLUSH SSL')
  }

  /** Certificate, host, and what comes of it with the right CA given. */
  const matrix: readonly [
    what: string,
    CertificateRequest,
    host: string,
    wanted: Partial<Outcome> | RegExp,
    code?: string,
  ][] = [
    ['the name that was given', { names: `DNS:${otherMachine.name}` }, otherMachine.name, {}],
    ['the address that was given', { names: `IP:${there}` }, there, {}],
    ['another name', { names: 'DNS:other.test' }, otherMachine.name, /names another host/, 'database-refused'],
    [
      'localhost, of a stranger, on an address',
      { names: 'DNS:localhost' },
      there,
      /names another host/,
      'database-refused',
    ],
    ['another address', { names: 'IP:10.77.0.9' }, there, /names another host/, 'database-refused'],
    ['an address as a name', { names: `DNS:${there}` }, there, /names another host/, 'database-refused'],
    [
      'a day that has passed',
      { names: `IP:${there}`, validFrom: -9, validFor: 3 },
      there,
      /has expired/,
      'database-refused',
    ],
    ['a day to come', { names: `IP:${there}`, validFrom: 3 }, there, /not valid yet/, 'database-unreachable'],
    ['another CA', { names: `IP:${there}`, signedBy: 'other' }, there, /not of the CA given/, 'database-refused'],
  ]
  for (const [what, request, host, wanted, code] of matrix) {
    test(`a certificate with ${what} ${code === undefined ? 'opens' : `is ${code}, and told as such`}`, async () => {
      await useCertificate(request)
      const outcome = await tryOpen({ host, port: server.port, sslCa: certificates.ca })
      if (!(wanted instanceof RegExp)) return assert.deepEqual(outcome, { warned: false })
      assert.equal(outcome.code, code)
      assert.match(outcome.message ?? '', wanted)
      assert.notEqual(outcome.hint, '')
    })
  }

  test('verify-ca takes any name of the CA, and no other CA', async () => {
    await useCertificate({ names: 'DNS:other.test' })
    const address = { host: there, port: server.port, sslMode: 'verify-ca' as const }
    assert.deepEqual(await tryOpen({ ...address, sslCa: certificates.ca }), { warned: false })
    assert.equal((await tryOpen({ ...address, sslCa: certificates.otherCa })).code, 'database-refused')
  })

  test('a file that is no CA is told as such', async () => {
    const sslCa = '-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n'
    const outcome = await tryOpen({ host: there, port: server.port, sslCa })
    assert.equal(outcome.code, 'database-refused')
    assert.match(outcome.message ?? '', /CA/)
  })

  const secureAccounts = async (require: string) => {
    for (const host of ['localhost', '127.0.0.1', '10.77.0.1'])
      await administer(`ALTER USER ossim@'${host}' REQUIRE ${require}`)
  }

  test('to another machine TLS is asked for without being told to, and not within this one', async () => {
    assert.deepEqual(await tryOpen({ host: there, port: server.port }), { warned: false })
    assert.deepEqual(await tryOpen({ host: there, port: server.port, sslMode: 'disabled' }), { warned: true })
    assert.deepEqual(await tryOpen({ host: here, port: server.port, sslMode: 'disabled' }), { warned: false })
    await secureAccounts('SSL')
    assert.deepEqual(await tryOpen({ host: there, port: server.port }), { warned: false })
    assert.equal((await tryOpen({ host: there, port: server.port, sslMode: 'disabled' })).code, 'database-refused')
    // Within this machine the server has to demand it.
    assert.deepEqual(await tryOpen({ host: here, port: server.port }), { warned: false })
    assert.deepEqual(await tryOpen({ socket: server.socket, port: 0 }), { warned: false })
    const wrong = { host: here, port: server.port, password: new Secret('another') }
    assert.match((await tryOpen(wrong)).message ?? '', /account or its password/)
    await secureAccounts('NONE')
  })

  test('a server that demands TLS of everybody, with a CA of its own, is reached, and told where TLS is off', async () => {
    await administer('SET GLOBAL require_secure_transport = ON')
    assert.deepEqual(await tryOpen({ host: here, port: server.port }), { warned: false })
    assert.deepEqual(await tryOpen({ host: there, port: server.port }), { warned: false })
    assert.deepEqual(await tryOpen({ host: there, port: server.port, sslMode: 'required' }), { warned: false })
    const refused = await tryOpen({ host: there, port: server.port, sslMode: 'disabled' })
    assert.equal(refused.code, 'database-refused')
    // MariaDB's word for it is that of a wrong password.
    assert.match(refused.hint ?? '', /may demand TLS/)
    await administer('SET GLOBAL require_secure_transport = OFF')
  })

  test('a server without TLS is refused where TLS is demanded, and warned of where it is another machine', {
    skip: leftOut,
  }, async () => {
    await using plain = await startMariaDb('--bind-address=0.0.0.0', '--skip-name-resolve', '--skip-ssl')
    await query(plain.socket, undefined, 'CREATE DATABASE alienvault')
    await query(plain.socket, undefined, `CREATE USER ossim IDENTIFIED BY '${password}'`)
    await query(plain.socket, undefined, 'GRANT ALL ON alienvault.* TO ossim')
    await query(plain.socket, 'alienvault', configTableSql)
    assert.deepEqual(await tryOpen({ host: there, port: plain.port }), { warned: true })
    assert.deepEqual(await tryOpen({ host: here, port: plain.port }), { warned: false })
    for (const demands of [{ sslMode: 'required' as const }, { sslCa: certificates.ca }]) {
      const outcome = await tryOpen({ host: there, port: plain.port, ...demands })
      assert.equal(outcome.code, 'database-refused')
      assert.match(outcome.message ?? '', /offers no TLS/)
    }
  })

  test('the mode is kept for the next runs, and a connection in clear is a warning of each', {
    skip: leftOut,
  }, async () => {
    certificates.issue({ names: `IP:${there}` })
    await administer('FLUSH SSL')
    process.env.TEST_MARIADB_SOCKET = server.socket
    process.env.TEST_MARIADB_PORT = String(server.port)
    await using sandbox = await Sandbox.create('mysql')
    const { database } = sandbox
    await administer(`CREATE USER ${database}@'10.77.0.1' IDENTIFIED BY '${sandbox.password.replace("'", "''")}'`)
    await administer(`GRANT ALL ON ${database}.* TO ${database}@'10.77.0.1'`)
    const resultOf = async (...args: string[]) => {
      const { code, stdout, stderr } = await sandbox.setup(['--db-host', there, '--output', 'json', ...args])
      return { code, stderr, warnings: (JSON.parse(stdout) as { warnings: string[] }).warnings.join() }
    }
    assert.deepEqual(await resultOf(), { code: 0, stderr: '', warnings: '' })
    const plain = await resultOf('--db-ssl-mode', 'disabled')
    assert.equal(plain.code, 0, plain.stderr)
    assert.match(plain.warnings, /not encrypted.*--db-ssl-ca/)
    assert.match(sandbox.read(paths.settings), /^db-ssl-mode=disabled$/m)
    assert.match((await resultOf()).warnings, /not encrypted/)
    const { stdout } = await daemonVerb(sandbox, 'verify')
    assert.match(stdout, /not encrypted/)
    sandbox.write('/ca.pem', certificates.ca)
    const both = ['--db-ssl-ca', '/ca.pem', '--db-ssl-mode']
    assert.deepEqual(await resultOf(...both, 'verify-identity'), { code: 0, stderr: '', warnings: '' })
    for (const [args, message] of [
      [['--db-ssl-mode', 'verify'], /not one of disabled, preferred, required, verify-ca, verify-identity/],
      [[...both, 'required'], /has no effect with .*required/],
      [['--db-ssl-ca', '/operator/password'], /certificate/],
    ] as const) {
      const { code, stderr } = await sandbox.setup(['--db-host', there, ...args])
      assert.equal(code, 2, args.join(' '))
      assert.match(stderr, message)
    }
    await administer(`DROP USER ${database}@'10.77.0.1'`)
  })

  test('localhost is the socket of the server where there is one, and another port means TCP', {
    skip: leftOut,
  }, async () => {
    process.env.TEST_MARIADB_SOCKET = server.socket
    process.env.TEST_MARIADB_PORT = String(server.port)
    // Its account is for @localhost alone, which is no address to a server that looks up no names.
    await using sandbox = await Sandbox.create('mysql', { socket: true })
    // Of this network, and of nobody else.
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run'])
    const sayWhere = async (port: string) => {
      const account = sandbox.flags.slice(sandbox.flags.indexOf('--db-name'))
      const args = ['check', '--non-interactive', '--root', sandbox.root, '--db-host', 'localhost', '--db-port', port]
      const { code, stdout, stderr } = await run('frameworkd-setup', [...args, ...account, '--tags', 'database'])
      return { code, text: stdout + stderr }
    }
    const without = await sayWhere('3306')
    assert.equal(without.code, 75)
    assert.match(without.text, /on localhost:3306: nothing listens there/)
    mkdirSync('/run/mysqld')
    symlinkSync(server.socket, '/run/mysqld/mysqld.sock')
    const found = await sayWhere('3306')
    assert.equal(found.code, 0, found.text)
    assert.match(found.text, /on \/run\/mysqld\/mysqld.sock/)
    const other = await sayWhere(String(server.port))
    assert.equal(other.code, 2)
    assert.match(other.text, /on localhost:\d+: it refuses/)
    execFileSync('umount', ['/run'])
  })

  test('a socket that anybody could have put into /tmp is not the server of localhost', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', '/tmp'])
    const planted = createServer().listen('/tmp/mysql.sock')
    await once(planted, 'listening')
    const settings = { dbHost: 'localhost', dbPort: 3306, dbSocket: undefined, given: new Set<SettingName>() }
    const find = () => openSocketOf(settings, new Host('/'))?.path
    assert.equal(find(), '/tmp/mysql.sock')
    chownSync('/tmp/mysql.sock', 4242, 4242)
    assert.equal(find(), undefined)
    await new Promise((resolve) => planted.close(resolve))
    execFileSync('umount', ['/tmp'])
  })

  /** The server's own key: whoever encrypts the password with it gives it away. */
  const rsa = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })

  /** Whether the password was among what clients sent: in clear, or for the rogue's key. */
  function hasHeardPassword({ heard }: FakeServer): boolean {
    if (heard.includes(password)) return true
    const salts = ['saltsalttwelve bytes', 'twenty bytes of salt'].map((salt) => Buffer.from(salt))
    const header = Buffer.from([0, 1, 0])
    for (let at = heard.indexOf(header); at !== -1; at = heard.indexOf(header, at + 1)) {
      const encrypted = heard.subarray(at + 4, at + 260)
      try {
        const padding = constants.RSA_PKCS1_OAEP_PADDING
        const text = privateDecrypt({ key: rsa.privateKey, padding, oaepHash: 'sha1' }, encrypted)
        for (const salt of salts)
          if (Buffer.from(text.map((byte, index) => byte ^ (salt[index % salt.length] ?? 0))).includes(password))
            return true
      } catch {}
    }
    return false
  }

  /** Goes on as long as the client answers: gives its key whenever that is asked for. */
  async function demand(session: FakeSession, ...packets: Buffer[]): Promise<void> {
    for (const one of packets) session.send(one)
    for (let answer = await session.next(); answer.length > 0; answer = await session.next()) {
      if (answer.length <= 2) session.send(ownKey)
      // The short form of caching_sha2_password.
      else if (answer.length === 32) session.send(wantsPassword)
      else return session.hangUp()
    }
  }

  const ownKey = Buffer.concat([Buffer.from([1]), Buffer.from(rsa.publicKey)])
  type Demand = readonly [method: string, ...packets: Buffer[]]
  const demands: Readonly<Record<string, Demand>> = {
    'the long form of caching_sha2_password': ['caching_sha2_password', wantsPassword],
    'that after a switch': ['mysql_native_password', switchTo('caching_sha2_password')],
    sha256_password: ['mysql_native_password', switchTo('sha256_password')],
    'sha256_password from the start': ['sha256_password', ownKey],
    mysql_clear_password: ['mysql_native_password', switchTo('mysql_clear_password')],
    'mysql_clear_password from the start': ['mysql_clear_password', ownKey],
    dialog: ['mysql_native_password', switchTo('dialog')],
    client_ed25519: ['mysql_native_password', switchTo('client_ed25519')],
    'a method of its own': ['mysql_native_password', switchTo('__proto__')],
    'a second factor': ['mysql_native_password', Buffer.from('\x02mysql_clear_password\0', 'latin1')],
  }

  const rogue = (address: string, [method, ...packets]: Demand, tls: boolean) =>
    startFakeServer(address, async (session) => {
      session.send(greeting({ method, tls }))
      if (tls) await session.startTls(certificates.issued)
      await session.next()
      await demand(session, ...packets)
    })

  for (const [what, packets] of Object.entries(demands)) {
    for (const tls of [false, true]) {
      test(`a rogue server on another machine that demands ${what}, ${tls ? 'with TLS' : 'in clear'}, never hears the password`, async () => {
        certificates.issue({ names: `IP:${there}` })
        await using fake = await rogue(there, packets, tls)
        const outcome = await tryOpen({ host: there, port: fake.port })
        assert.equal(hasHeardPassword(fake), false)
        assert.ok(['database-refused', 'database-failed'].includes(outcome.code ?? ''), String(outcome.message))
        if (/wants the password/.test(outcome.message ?? '') && tls)
          assert.match(outcome.hint ?? '', /--db-ssl-ca.*--db-ssl-mode required/)
      })
    }
  }

  test('the password goes to a server that was verified, to one that is trusted without, and stays within this machine', async () => {
    certificates.issue({ names: `IP:${there}` })
    const packets: Demand = ['mysql_native_password', switchTo('caching_sha2_password')]
    for (const trust of [{ sslCa: certificates.ca }, { sslMode: 'required' as const }]) {
      await using fake = await rogue(there, packets, true)
      await tryOpen({ host: there, port: fake.port, ...trust })
      assert.equal(hasHeardPassword(fake), true)
    }
    await using local = await rogue(here, packets, false)
    await tryOpen({ host: here, port: local.port })
    assert.equal(hasHeardPassword(local), true)
  })

  test('a server that asks for a file of this machine gets none', async () => {
    await using fake = await startFakeServer(here, async (session) => {
      session.send(greeting({ method: 'mysql_native_password' }))
      await session.next()
      session.send(ok)
      await session.next()
      session.send(Buffer.from('\xfb/etc/passwd', 'latin1'))
      await session.next()
    })
    const outcome = await tryOpen({ host: here, port: fake.port })
    assert.equal(outcome.code, 'database-failed')
    assert.match(outcome.message ?? '', /asked for a file/)
    assert.doesNotMatch(fake.heard.toString('latin1'), /root:/)
  })

  test('what is sent ahead of TLS, where anybody on the way could have put it, ends the login', async () => {
    await using fake = await startFakeServer(there, async (session) => {
      session.send(greeting({ tls: true }))
      await session.next()
      session.send(ok)
      session.send(ok)
      await session.next()
    })
    const outcome = await tryOpen({ host: there, port: fake.port })
    assert.equal(outcome.code, 'database-failed')
    assert.doesNotMatch(fake.heard.toString('latin1'), /ossim/)
  })
}
