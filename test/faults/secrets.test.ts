/**
 * Where the key and the password go: every argument, environment and written byte of whole runs,
 * as strace sees them, and /proc as another user of the machine sees it.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeIdentity, needsAge as needsAgeAlone } from '../support/age.ts'
import { makeCertificates } from '../support/certificates.ts'
import { talk } from '../support/daemon.ts'
import { extent } from '../support/extent.ts'
import { freePort, startMariaDb } from '../support/mariadb.ts'
import { ended, programFile } from '../support/programs.ts'
import { keyA, keyB, keyFileText, keyPath, password, Sandbox, storeKinds } from '../support/sandbox.ts'
import { start } from './support/start.ts'
import { needsStrace } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const tally = startTally('secrets')
const needsAge = { skip: needsStrace.skip || needsAgeAlone.skip }

/** As strace shows it: quotes are escaped. */
const shownPassword = password.slice(0, password.indexOf('"'))
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
const traced =
  'execve,execveat,write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg,connect,rename,mkdir,symlink,/^open'

/** Calls that carry a secret out of the process, but for those that are meant to. */
function leaks(trace: string, secrets: readonly string[], root: string): string[] {
  const calls = trace.split('\n').filter((line) => /^\d+ +\w+\(/.test(line))
  tally.add('system calls of whole runs, each looked at', calls.length)
  const toTheJournal = calls.filter((line) => / connect\(.*(\/dev\/log|journal)/.test(line))
  const carrying = calls.filter((line) => secrets.some((secret) => line.includes(secret)))
  return [...toTheJournal, ...carrying.filter((line) => !isMeant(line, root))]
}

function isMeant(line: string, root: string): boolean {
  const [, name, target = ''] = /^\d+ +(\w+)\(\d+<([^>]*)>/.exec(line) ?? []
  if (name === 'pwrite64') return target.startsWith(`${root}/var/lib/frameworkd/store/config.db`)
  if (name !== 'write' && name !== 'writev') return false
  const carriesPassword = line.includes(shownPassword)
  if (carriesPassword) return target === `${root}/etc/ossim/framework/.ossim.conf.frameworkd-new`
  return target === `${root}/etc/ossim/framework/.db_encryption_key.frameworkd-new` || /^(TCP|UNIX|socket)/.test(target)
}

async function traceSetup(
  sandbox: Sandbox,
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  return await traceProgram('frameworkd-setup', ['--non-interactive', '--root', sandbox.root, ...flags], env)
}

async function traceProgram(
  program: 'frameworkd' | 'frameworkd-setup',
  args: readonly string[],
  env: Record<string, string>,
  during = async () => {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-secrets-'))
  try {
    const file = join(folder, 'trace')
    const strace = ['strace', '-f', '-y', '-v', '-s', '65535', '-o', file, '-e', `trace=${traced}`]
    const child = start([...strace, process.execPath, programFile(program), ...args], env)
    const end = ended(child)
    const watched = watchProc(end, child.pid ?? 0)
    await during()
    const { code, stderr } = await end
    assert.equal(code, 0, stderr)
    return readFileSync(file, 'latin1') + (await watched)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Arguments and environment of the program and all that it starts, read again and again as `ps` would. */
async function watchProc(end: Promise<unknown>, strace: number): Promise<string> {
  const seen = new Set<string>()
  let isOver = false
  void end.finally(() => (isOver = true))
  while (!isOver) {
    for (const pid of descendants(strace)) {
      for (const name of ['cmdline', 'environ']) {
        try {
          seen.add(`0 proc(${readFileSync(`/proc/${pid}/${name}`, 'latin1').replaceAll('\0', ' ')}`)
        } catch {
          // It has ended.
        }
      }
    }
    await sleep(5)
  }
  assert.ok(seen.size > 1, 'nothing was seen in /proc')
  return `\n${[...seen].join('\n')}`
}

function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${process.pid}/task`).length > 0 ? childrenOf(pid) : []
  return children.flatMap((child) => [child, ...descendants(child)])
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** All that looks like a key in what was traced, and the passwords. */
function secretsOf(...keys: (string | undefined)[]): string[] {
  return [shownPassword, ...keys.filter((key) => key !== undefined)].filter((secret) => secret !== bootId)
}

for (const kind of storeKinds) {
  test(
    `${kind}: key and password of a first run are in the key file, the settings and the store, and nowhere else`,
    needsStrace,
    async () => {
      await using sandbox = await Sandbox.create(kind, { table: false })
      const trace = await traceSetup(sandbox, [...sandbox.flags, '--create-schema', '--diff', '-v'])
      const secrets = secretsOf(sandbox.keyInFile())
      assert.match(trace, new RegExp(secrets[1] ?? 'none'), 'the trace does not see the key')
      assert.deepEqual(leaks(trace, secrets, sandbox.root), [])
    },
  )

  test(`${kind}: an adoption tells of neither key, in text and in JSON`, needsStrace, async () => {
    const outputs = [['--diff'], ['--output', 'json', '--diff']]
    const isTaken = (place: number) => extent !== 'sample' || place === storeKinds.indexOf(kind)
    for (const args of outputs.filter((_, place) => isTaken(place))) {
      await using sandbox = await Sandbox.create(kind)
      sandbox.write(keyPath, keyFileText(keyA), 0o400)
      await sandbox.setRow('encryption_key', keyB)
      await sandbox.addEncrypted(keyA)
      const trace = await traceSetup(sandbox, [...sandbox.flags, '--adopt', 'database', ...args])
      assert.deepEqual(leaks(trace, secretsOf(keyA, keyB), sandbox.root), [])
    }
  })

  test(
    `${kind}: a sealed key is made, opened and put in place without telling what is in it, or what opens it`,
    needsAge,
    async () => {
      await using sandbox = await Sandbox.create(kind)
      assert.equal((await sandbox.setup()).code, 0)
      const key = sandbox.keyInFile()
      const passphrase = 'correct horse battery staple'
      const identity = makeIdentity(sandbox.path('/operator'))
      sandbox.write('/operator/passphrase', passphrase)
      const sealed = sandbox.path('/operator/key.age')
      const export_ = async (to: string, ...seal: string[]) =>
        traceSetup(sandbox, ['key', 'export', ...sandbox.flags, '--to', to, ...seal])
      const import_ = async (from: string, ...open: string[]) => {
        sandbox.write(keyPath, keyFileText('KEY_VALUE'))
        return traceSetup(sandbox, [
          'key',
          'import',
          ...sandbox.flags,
          '--from',
          from,
          ...open,
          '--diff',
          '--output=json',
        ])
      }
      const passphraseFile = ['--passphrase-file', sandbox.path('/operator/passphrase')]
      // A passphrase takes seconds, and has nothing to do with the store.
      const traces =
        kind === 'sqlite'
          ? [await export_(sealed, ...passphraseFile), await import_(sealed, ...passphraseFile)]
          : [
              await export_(sealed, '--recipient', identity.recipient, '--identity', identity.file),
              await import_(sealed, '--identity', identity.file),
            ]
      assert.equal(sandbox.keyInFile(), key)
      const [secretIdentity = ''] = /AGE-SECRET-KEY-\S+/.exec(readFileSync(identity.file, 'latin1')) ?? []
      assert.ok(secretIdentity)
      const secrets = secretsOf(key, passphrase, secretIdentity)
      for (const trace of traces) assert.deepEqual(leaks(trace, secrets, sandbox.root), [])
      assert.ok(traces[1]?.includes(String(key)), 'the trace does not see the key')
    },
  )

  test(`${kind}: the daemon writes neither key nor password anywhere`, needsStrace, async () => {
    await using sandbox = await Sandbox.create(kind)
    assert.equal((await sandbox.setup()).code, 0)
    const port = await freePort()
    const trace = await traceProgram(
      'frameworkd',
      ['run', '-v', '--root', sandbox.root, '--port', String(port)],
      {},
      async () => {
        while ((await talk(port, ['ping\n'], 1).catch(() => '')) !== 'pong\n') await sleep(50)
        const [daemon] = [Number(sandbox.read('/run/frameworkd/frameworkd.pid'))]
        process.kill(daemon ?? 0, 'SIGTERM')
      },
    )
    assert.deepEqual(leaks(trace, secretsOf(sandbox.keyInFile()), sandbox.root), [])
  })
}

test('a password from the environment or a credential is written nowhere at all', needsStrace, async () => {
  for (const source of ['variable', 'credential']) {
    await using sandbox = await Sandbox.create('mysql')
    sandbox.write('/operator/frameworkd.db-password', password)
    const flags = sandbox.flags.slice(0, sandbox.flags.indexOf('--db-password-file'))
    const env: Record<string, string> =
      source === 'variable'
        ? { FRAMEWORKD_DB_PASSWORD_FILE: sandbox.path('/operator/password') }
        : { CREDENTIALS_DIRECTORY: sandbox.path('/operator') }
    const trace = await traceSetup(sandbox, flags, env)
    assert.deepEqual(
      trace.split('\n').filter((line) => line.includes(shownPassword)),
      [],
    )
  }
})

test(
  'with --db-ssl-ca the key is not on the wire in clear text, and a CA that did not sign is refused',
  needsStrace,
  async () => {
    using certificates = makeCertificates()
    await using server = await startMariaDb(...certificates.serverOptions)
    process.env.TEST_MARIADB_SOCKET = server.socket
    process.env.TEST_MARIADB_PORT = String(server.port)
    await using sandbox = await Sandbox.create('mysql')
    sandbox.write('/etc/ca.pem', certificates.ca)
    sandbox.write('/etc/other.pem', certificates.otherCa)
    const flags = [...sandbox.flags, '--db-host', 'localhost', '--db-ssl-ca']
    const refused = await sandbox.setup([...flags.slice(sandbox.flags.length), '/etc/other.pem'])
    assert.equal(refused.code, 2, refused.stderr)
    assert.throws(() => sandbox.read(keyPath), /ENOENT/)
    const trace = await traceSetup(sandbox, [...flags, '/etc/ca.pem'])
    const key = sandbox.keyInFile() ?? 'none'
    assert.equal(await sandbox.keyInRow(), key)
    const onTheWire = trace.split('\n').filter((line) => line.includes(key) && !line.includes('db_encryption_key'))
    assert.deepEqual(onTheWire, [])
  },
)
