import assert from 'node:assert/strict'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { aesDecrypt } from '../../src/key/aes.ts'
import { Key } from '../../src/key/key.ts'
import { parseKeyFile } from '../../src/key/key-file.ts'
import { needsStrace, runWith } from '../faults/support/strace.ts'
import {
  type AgeIdentity,
  ageOpen,
  ageOpenWithPassphrase,
  ageSeal,
  ageSealWithPassphrase,
  makeIdentity,
  needsAge,
  sealWithPassphraseQuickly,
} from '../support/age.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { inTurns, leftOut, someOf } from '../support/extent.ts'
import { type Ended, programFile, run } from '../support/programs.ts'
import { Console, enter } from '../support/pty.ts'
import { keyA, keyB, keyFileText, keyPath, Sandbox, type StoreKind } from '../support/sandbox.ts'

const passphrase = 'correct horse battery staple'
const fingerprintA = fingerprintOf(keyA)

/** A machine that is set up with key A, three values encrypted with it, and an identity of age. */
class Machine implements AsyncDisposable {
  readonly sandbox: Sandbox
  /** Outside the root's own folders: what an operator has. */
  readonly folder: string
  readonly identity: AgeIdentity

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    this.folder = sandbox.path('/operator')
    this.identity = makeIdentity(this.folder)
    writeFileSync(this.file('passphrase'), `${passphrase}\n`)
  }

  static async create(kind: StoreKind, { values = true } = {}): Promise<Machine> {
    const machine = new Machine(await Sandbox.create(kind))
    machine.sandbox.write(keyPath, keyFileText(keyA), 0o400)
    await machine.sandbox.setRow('encryption_key', keyA)
    if (values) await machine.sandbox.addEncrypted(keyA)
    return machine
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  /** A verb of sealed keys, without a terminal. */
  key(verb: 'export' | 'verify' | 'import', ...args: string[]): Promise<Ended> {
    return this.sandbox.setup(['key', verb, ...args])
  }

  /** A sealed key that age opens with our identity. */
  seal(key: string, name = 'key.age'): string {
    const file = this.file(name)
    ageSeal(keyFileText(key), file, this.identity, '-a')
    return file
  }

  import(file: string, ...args: string[]): Promise<Ended> {
    return this.key('import', '--from', file, '--identity', this.identity.file, ...args)
  }

  /** All that a run may have changed. */
  async state(): Promise<object> {
    return { tree: this.sandbox.tree(), rows: await this.sandbox.dump() }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sandbox[Symbol.asyncDispose]()
  }
}

testOnEachStore(
  'a key that is exported for a recipient is opened by age, and verified by us',
  needsAge,
  async (kind) => {
    await using machine = await Machine.create(kind)
    const other = makeIdentity(machine.folder, 'other.txt')
    const to = machine.file('key.age')
    const { code, stdout, stderr } = await machine.key(
      ...(['export', '--to', to, '--recipient', machine.identity.recipient, '--recipient', other.recipient] as const),
    )
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`key ${fingerprintA}, sealed for 2 recipients, to ${to}`))
    assert.match(stdout, /warning: nobody has opened it yet/)
    assert.equal(lstatSync(to).mode & 0o7777, 0o400)
    for (const identity of [machine.identity, other]) {
      const text = ageOpen(to, identity)
      assert.ok(text.startsWith(keyFileText(keyA)), 'the text of the key file, whole')
      assert.match(
        text.slice(keyFileText(keyA).length),
        new RegExp(`^#Exported .* on 20\\S+Z, fingerprint ${fingerprintA}\n$`),
      )
      assert.equal(parseKeyFile(Buffer.from(text, 'latin1')).kind, 'good')
    }
    const verified = await machine.key('verify', '--from', to, '--identity', other.file)
    assert.equal(verified.code, 0, verified.stderr)
    assert.match(verified.stdout, /holds key \w{8} of this machine, exported 20\S+Z; proven, it decrypts 3 of 3/)
  },
)

testOnEachStore(
  'what age has sealed is verified, in armour or not, and from standard input',
  needsAge,
  async (kind) => {
    await using machine = await Machine.create(kind)
    const [armoured, binary] = [machine.seal(keyA), machine.file('binary.age')]
    ageSeal(keyFileText(keyA), binary, machine.identity)
    for (const from of [armoured, binary])
      assert.equal((await machine.key('verify', '--from', from, '--identity', machine.identity.file)).code, 0)
    const args = ['key', 'verify', '--from', '-', '--identity', machine.identity.file]
    const piped = await machine.sandbox.setup(args, { input: readFileSync(armoured, 'latin1') })
    assert.equal(piped.code, 0, piped.stderr)
    assert.match(piped.stdout, /standard input holds key/)
  },
)

testOnEachStore(
  'set up, store values, export, lose the machine, import: the values decrypt again',
  needsAge,
  async (kind) => {
    await using lost = await Machine.create(kind)
    const { sandbox } = lost
    const backup = lost.file('key.age')
    assert.equal((await sandbox.setup()).code, 0)
    const exported = await lost.key('export', '--to', backup, '--recipient', lost.identity.recipient)
    assert.equal(exported.code, 0, exported.stderr)
    await sandbox.sql("DELETE FROM config WHERE conf = 'encryption_key'")

    await using fresh = await Sandbox.create('sqlite', { table: false })
    const store = '/var/lib/frameworkd/store/config.db'
    if (kind === 'sqlite') {
      mkdirSync(fresh.path('/var/lib/frameworkd/store'), { recursive: true, mode: 0o700 })
      chmodSync(fresh.path('/var/lib/frameworkd'), 0o755)
      copyFileSync(sandbox.path(store), fresh.path(store))
    }
    const onFresh = (...args: string[]) =>
      run('frameworkd-setup', ['--non-interactive', '--root', fresh.root, ...sandbox.flags, ...args])
    const before = await onFresh()
    assert.equal(before.code, 3, 'values are there, and no key: setup makes none')

    const from = ['--from', backup, '--identity', lost.identity.file]
    const checked = await onFresh('key', 'import', ...from, '--check', '--diff')
    assert.equal(checked.code, 0, checked.stderr)
    assert.match(checked.stdout, /pending +imported-key/)
    assert.equal(existsSync(fresh.path(keyPath)), false, 'check mode wrote the file')
    const imported = await onFresh('key', 'import', ...from)
    assert.equal(imported.code, 0, imported.stderr)
    assert.match(imported.stdout, /changed +imported-key/)
    assert.match((await onFresh('key', 'import', ...from)).stdout, /changed=0/)

    assert.equal(fresh.keyInFile(), keyA)
    assert.equal(fresh.mode(keyPath), '400')
    const owner = kind === 'sqlite' ? fresh : sandbox
    assert.equal(await owner.keyInRow(), keyA)
    const [[value] = []] = await owner.sql("SELECT HEX(value) FROM config WHERE conf = 'b_pass'")
    const decrypted = aesDecrypt(Buffer.from(String(value), 'hex'), fresh.keyInFile() ?? '')
    assert.equal(Buffer.from(decrypted ?? []).toString(), 'secret of b_pass')
    const after = await onFresh('--tags', 'identity')
    assert.match(after.stdout, /changed=0/, after.stderr)
  },
)

/** What is in place, which key the stored values are encrypted with, and which one is imported. */
const imports: {
  name: string
  file?: string
  row?: string
  values?: string
  key?: string
  args?: string[]
  code: 0 | 3
  says?: RegExp
  kept?: string[]
}[] = [
  { name: 'nothing is there', code: 0 },
  { name: 'nothing but values that it decrypts', values: keyA, code: 0 },
  { name: 'values disprove it', values: keyB, code: 3, says: /decrypts none of 3 stored values\nhint: .*backup/ },
  { name: 'values disprove it, by force', values: keyB, args: ['--force'], code: 3, says: /decrypts none/ },
  { name: 'both hold it, and values disprove it', file: keyA, row: keyA, values: keyB, code: 3, says: /none of 3/ },
  { name: 'the file holds it', file: keyA, code: 0 },
  { name: 'the row holds it', row: keyA, code: 0 },
  { name: 'the file is damaged', file: 'damaged', row: keyA, code: 0, kept: ['damaged'] },
  { name: 'both are damaged', file: 'damaged', row: 'damaged', code: 0, kept: ['damaged', 'damaged'] },
  { name: 'the row is damaged', row: 'damaged', code: 0, kept: ['damaged'] },
  { name: 'another key is in both', file: keyB, row: keyB, code: 3, says: /another key is in place(.|\n)*--force\n/ },
  { name: 'another key is in the file', file: keyB, row: keyA, code: 3, says: /db_encryption_key \(/ },
  {
    name: 'another key is in the row',
    row: keyB,
    code: 3,
    says: /row encryption_key of table config in \S+( on \S+)? \(/,
  },
  {
    name: 'another key is in both, and disproved',
    file: keyB,
    row: keyB,
    values: keyA,
    code: 0,
    kept: ['replaced', 'replaced'],
  },
  {
    name: 'two other keys are there, by force',
    file: keyB,
    row: keyB.toLowerCase(),
    args: ['--force'],
    code: 0,
    kept: ['replaced', 'replaced'],
  },
  {
    name: 'another key is proven',
    file: keyB,
    row: keyB,
    values: keyB,
    args: ['--force'],
    code: 3,
    says: /none of 3/,
  },
]

for (const { name, file, row, values, args = [], code, says, kept = [] } of someOf(imports, 3)) {
  testOnEachStore(`import where ${name}: exit ${code}`, needsAge, async (kind) => {
    await using machine = await Machine.create(kind, { values: false })
    const { sandbox } = machine
    arrangeFile(sandbox, file)
    if (row === undefined) await sandbox.sql("DELETE FROM config WHERE conf = 'encryption_key'")
    else await sandbox.setRow('encryption_key', row)
    if (values) await sandbox.addEncrypted(values)
    const sealed = machine.seal(keyA)
    const before = await machine.state()
    const checked = await machine.import(sealed, ...args, '--check')
    assert.deepEqual(await machine.state(), before, 'check mode changed something')
    const ended = await machine.import(sealed, ...args)
    assert.equal(ended.code, code, ended.stderr)
    assert.equal(checked.code, code, 'check mode says otherwise')
    if (says) assert.match(ended.stderr, says)
    if (code !== 0) return assert.deepEqual(await machine.state(), before, 'a refusal changed something')
    assert.deepEqual([sandbox.keyInFile(), await sandbox.keyInRow()], [keyA, keyA])
    assert.deepEqual(
      sandbox.keptAside().map((aside) => aside.split('.')[1]?.split('-')[0]),
      kept,
    )
    assert.equal(sandbox.mode(keyPath), '400')
    const folder = readdirSync(sandbox.path('/etc/ossim/framework'))
    assert.deepEqual(
      folder.filter((one) => one.startsWith('.')),
      [],
      'a temporary file was left',
    )
    assert.match((await machine.import(sealed, ...args)).stdout, /changed=0/)
  })
}

testOnEachStore(
  'verify says whether it is the key of this machine, and changes nothing',
  { skip: leftOut || needsAge.skip },
  async (kind) => {
    await using machine = await Machine.create(kind)
    const { sandbox } = machine
    const [sealedA, sealedB] = [machine.seal(keyA), machine.seal(keyB, 'b.age')]
    const verify = async (file: string) => {
      const before = await machine.state()
      const ended = await machine.key('verify', '--from', file, '--identity', machine.identity.file)
      assert.deepEqual(await machine.state(), before)
      return ended
    }
    const another = await verify(sealedB)
    assert.equal(another.code, 3)
    assert.match(another.stderr, /decrypts none of 3 stored values/)
    await sandbox.sql("DELETE FROM config WHERE conf IN ('a_pass', 'b_pass', 'c_pass')")
    const unproven = await verify(sealedB)
    assert.equal(unproven.code, 3)
    assert.match(unproven.stderr, /this is the backup of another key\n {2}the key sealed in .*\n {2}\/etc.*\n {2}row /)
    await sandbox.setRow('encryption_key', keyB)
    const split = await verify(sealedA)
    assert.equal(split.code, 3)
    assert.match(split.stderr, /backup of another key\n {2}the key sealed in .*\n {2}row .*\nhint/)
    await sandbox.setRow('encryption_key', null)
    const half = await verify(sealedA)
    assert.equal(half.code, 0, half.stderr)
    assert.match(half.stdout, /warning: row encryption_key of table config in .* does not hold a key/)
    sandbox.write(keyPath, keyFileText('KEY_VALUE'))
    const nothing = await verify(sealedA)
    assert.equal(nothing.code, 3)
    assert.match(nothing.stderr, /nothing to compare .* with/)
  },
)

testOnEachStore('only a key that file and row agree on is exported', needsAge, async (kind) => {
  await using machine = await Machine.create(kind)
  const { sandbox } = machine
  const to = machine.file('key.age')
  const refused = async (says: RegExp) => {
    const { code, stderr } = await machine.key('export', '--to', to, '--recipient', machine.identity.recipient)
    assert.equal(code, 3, stderr)
    assert.match(stderr, says)
    assert.equal(existsSync(to), false)
  }
  await sandbox.setRow('encryption_key', keyB)
  await refused(/file and row hold different keys/)
  await sandbox.setRow('encryption_key', '')
  await refused(/the encryption key is missing in row/)
  await sandbox.setRow('encryption_key', 'damaged')
  await refused(/damaged: row/)
})

test(
  'what does not open is refused by every verb with 2, before a store is looked at, and nothing is written',
  needsAge,
  async () => {
    await using machine = await Machine.create('sqlite')
    const other = makeIdentity(machine.folder, 'other.txt')
    const sealed = machine.seal(keyA)
    const write = (name: string, content: string | Buffer) => {
      writeFileSync(machine.file(name), content)
      return machine.file(name)
    }
    const text = readFileSync(sealed, 'latin1')
    const seal = (name: string, content: string) => {
      ageSeal(content, machine.file(name), machine.identity)
      return machine.file(name)
    }
    const binary = readFileSync(seal('binary.age', keyFileText(keyA)))
    const refusals: [args: string[], says: RegExp][] = [
      [[sealed, '--identity', other.file], /is sealed for another recipient\nhint: name the file that age-keygen/],
      [[sealed, '--passphrase-file', machine.file('passphrase')], /is sealed for a recipient\nhint: .*--identity FILE/],
      [[sealed], /is sealed for a recipient\nhint: .*--identity FILE/],
      ...[0, 10, 60, 200, text.length - 40].map((length): [string[], RegExp] => [
        [write(`cut-${length}.age`, text.slice(0, length)), '--identity', machine.identity.file],
        length < 60 ? /is no sealed key/ : /is cut or damaged\nhint: take another copy/,
      ]),
      ...[30, 100, 170, binary.length - 1].map((length): [string[], RegExp] => [
        [write(`binary-${length}.age`, binary.subarray(0, length)), '--identity', machine.identity.file],
        /is cut or damaged/,
      ]),
      [[write('changed.age', flipped(binary)), '--identity', machine.identity.file], /is cut or damaged/],
      [
        [write('foreign', keyFileText(keyA)), '--identity', machine.identity.file],
        /no age file\nhint: name a file that/,
      ],
      [[seal('word.age', 'hello'), '--identity', machine.identity.file], /what is sealed in .* is no key file/],
      [[seal('none.age', keyFileText('KEY_VALUE')), '--identity', machine.identity.file], /a key file without a key/],
      [
        [
          seal(
            'two.age',
            `${keyFileText(keyA)}#Exported by frameworkd-setup on 2026-01-01T00:00:00.000Z, fingerprint 00000000\n`,
          ),
          '--identity',
          machine.identity.file,
        ],
        /the fingerprint in it is not that of its key/,
      ],
      [[write('large.age', Buffer.alloc(3_000_000)), '--identity', machine.identity.file], /is larger than/],
      [
        [machine.file('absent.age'), '--identity', machine.identity.file],
        /--from: .*absent.age cannot be read \(ENOENT\)/,
      ],
      [[sealed, '--identity', write('empty.txt', '# nothing\n')], /--identity: .* holds no identity/],
      [[sealed, '--identity', write('words.txt', 'AGE-SECRET-KEY-1NONE\n')], /has a line that is no identity of age/],
      [
        [sealed, '--identity', write('ssh', '-----BEGIN OPENSSH PRIVATE KEY-----\n')],
        /a key of SSH, which is not supported/,
      ],
      [[sealed, '--identity', sealed], /--identity: .* is sealed itself\nhint: open it first: age -d/],
      [[sealed, '--identity', machine.identity.file, '--passphrase-file', machine.identity.file], /only one of them/],
      [['-', '--passphrase-file', '-'], /--from and --passphrase-file: standard input cannot be read twice/],
    ]
    const before = await machine.state()
    for (const [row, [[from = '', ...args], says]] of someOf(refusals, 4).entries()) {
      for (const verb of inTurns(['verify', 'import'] as const, row)) {
        const { code, stderr } = await machine.key(verb, '--from', from, ...args)
        assert.match(stderr, says)
        assert.equal(code, 2, stderr)
      }
    }
    assert.deepEqual(await machine.state(), before)
  },
)

const takesSeconds = {
  skip: needsAge.skip || leftOut,
}

test('a passphrase seals, and age opens it; what age seals with one, we open', takesSeconds, async () => {
  await using machine = await Machine.create('sqlite')
  const [to, opened] = [machine.file('key.age'), machine.file('opened')]
  const file = ['--passphrase-file', machine.file('passphrase')]
  const { code, stdout, stderr } = await machine.key('export', '--to', to, ...file)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /sealed with a passphrase, to .*; it opens again/)
  await ageOpenWithPassphrase(to, passphrase, opened)
  assert.ok(readFileSync(opened, 'latin1').startsWith(keyFileText(keyA)))

  // By hand, without us: what comes out is a key file.
  machine.sandbox.write(keyPath, readFileSync(opened))
  assert.match((await machine.sandbox.setup(['--tags', 'identity'])).stdout, /encryption-key/)
  const quick = machine.file('quick.age')
  await sealWithPassphraseQuickly(keyFileText(keyA), passphrase, quick)
  assert.equal((await machine.key('verify', '--from', to, ...file)).code, 0)
  writeFileSync(machine.file('wrong'), 'another')
  const wrong = await machine.key('import', '--from', quick, '--passphrase-file', machine.file('wrong'))
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /the passphrase does not open .*quick.age\nhint: /)
  const mismatch = await machine.key('verify', '--from', to, '--identity', machine.identity.file)
  assert.match(mismatch.stderr, /is sealed with a passphrase\nhint: .*--passphrase-file FILE/)
  const unasked = await machine.key('import', '--from', to)
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /there is nobody to ask\nhint: give --passphrase-file FILE/)

  const byAge = machine.file('by-age.age')
  writeFileSync(machine.file('plain'), keyFileText(keyA))
  await ageSealWithPassphrase(machine.file('plain'), passphrase, byAge)
  const piped = ['key', 'verify', '--from', byAge, '--passphrase-file', '-']
  assert.equal((await machine.sandbox.setup(piped, { input: passphrase })).code, 0)
})

test('at a terminal a new passphrase is asked for, twice, and never shown', takesSeconds, async () => {
  await using machine = await Machine.create('sqlite')
  const { sandbox } = machine
  const to = machine.file('key.age')
  await using terminal = new Console(['key', 'export', '--root', sandbox.root, ...sandbox.flags, '--to', to])
  await terminal.answer(/New passphrase:/, enter)
  await terminal.answer(/it is empty/, `${passphrase}${enter}`)
  await terminal.answer(/The same again:/, `something else${enter}`)
  await terminal.answer(/These are two different ones/, '')
  await terminal.answer(/New passphrase:/, `${passphrase}${enter}`)
  await terminal.answer(/The same again:/, `${passphrase}${enter}`)
  await terminal.until(/opens\s+again/)
  assert.equal(await terminal.ended(), 0, terminal.text)
  assert.equal(existsSync(sandbox.path('/etc/frameworkd/frameworkd.ini')), false, 'an export keeps no settings')
  assert.doesNotMatch(terminal.raw, /correct horse|something else/)
})

test('at a terminal the passphrase of a backup is asked for, and never shown', needsAge, async () => {
  await using machine = await Machine.create('sqlite')
  const { sandbox } = machine
  sandbox.write(keyPath, keyFileText('KEY_VALUE'))
  const quick = machine.file('quick.age')
  await sealWithPassphraseQuickly(keyFileText(keyA), passphrase, quick)
  await using terminal = new Console(['key', 'import', '--root', sandbox.root, ...sandbox.flags, '--from', quick])
  await terminal.answer(/Passphrase of .*:/, `${passphrase}${enter}`)
  await terminal.until(/imported-key|Put the sealed key in place/)
  assert.equal(await terminal.ended(), 0, terminal.text)
  assert.equal(sandbox.keyInFile(), keyA)
  assert.doesNotMatch(terminal.raw, /correct horse/)
})

test('the sealed key goes to a file that was not there, or to standard output alone', {
  skip: leftOut || needsAge.skip,
}, async () => {
  await using machine = await Machine.create('sqlite')
  const to = machine.file('key.age')
  const recipient = ['--recipient', machine.identity.recipient]
  const exported = await machine.key('export', '--to', '-', ...recipient, '--identity', machine.identity.file)
  assert.equal(exported.code, 0, exported.stderr)
  assert.match(exported.stdout, /^-----BEGIN AGE ENCRYPTED FILE-----\n(.*\n)*-----END AGE ENCRYPTED FILE-----\n$/)
  assert.match(
    exported.stderr,
    new RegExp(`key ${fingerprintA}, sealed for 1 recipient, to standard output; it opens again`),
  )
  writeFileSync(to, exported.stdout)
  assert.ok(ageOpen(to, machine.identity).startsWith(keyFileText(keyA)))

  const link = machine.file('link.age')
  symlinkSync(machine.file('elsewhere'), link)
  const refusals: [args: string[], code: number, says: RegExp][] = [
    [['--to', to, ...recipient], 1, /--to: .*key.age exists, and is left as it is\nhint: name a file/],
    [['--to', link, ...recipient], 1, /link.age exists/],
    [['--to', machine.file('none/key.age'), ...recipient], 2, /none does not exist\nhint: make the folder first/],
    [recipient, 2, /--to is missing/],
    [['--to', machine.file('new')], 2, /there is nobody to ask\nhint: give --recipient or --passphrase-file/],
    [['--to', '-', '--output', 'json', ...recipient], 2, /cannot hold the sealed key and a document/],
    [['--to', machine.file('new'), ...recipient, '--passphrase-file', '-'], 2, /only one of them seals it/],
    [
      ['--to', machine.file('new'), '--identity', machine.identity.file],
      2,
      /--identity has no effect without --recipient/,
    ],
    [['--to', machine.file('new'), '--recipient', 'ssh-ed25519 AAAA'], 2, /keys of SSH are not supported/],
    [['--to', machine.file('new'), '--recipient', 'age1yubikey1qwt50'], 2, /recipients of plugins/],
    [['--to', machine.file('new'), '--recipient', `${machine.identity.recipient}q`], 2, /mistyped\nhint: .*age-keygen/],
    [['--to', machine.file('new'), '--recipient', 'AGE-SECRET-KEY-1QQ'], 2, /that is an identity, which is secret/],
    [['--to', machine.file('new'), ...recipient, '--recipient='], 2, /--recipient: its value is empty/],
    [['--to', machine.file('new'), '--passphrase-file', '/dev/null'], 2, /\/dev\/null is empty/],
  ]
  const before = readFileSync(to)
  for (const [args, code, says] of refusals) {
    const ended = await machine.key('export', ...args)
    assert.match(ended.stderr, says)
    assert.equal(ended.code, code, ended.stderr)
  }
  assert.deepEqual(readFileSync(to), before)
  assert.deepEqual([existsSync(machine.file('elsewhere')), existsSync(machine.file('new'))], [false, false])
  assert.deepEqual(
    readdirSync(machine.folder).filter((name) => name.startsWith('.')),
    [],
  )
})

test('a file system without links is told about, and the way around it', {
  skip: leftOut || needsStrace.skip || needsAge.skip,
}, async () => {
  await using machine = await Machine.create('sqlite')
  const { sandbox } = machine
  const to = machine.file('key.age')
  const args = ['key', 'export', '--root', sandbox.root, ...sandbox.flags, '--to', to]
  const command = [
    process.execPath,
    programFile('frameworkd-setup'),
    ...args,
    '--recipient',
    machine.identity.recipient,
  ]
  const { code, stderr } = await runWith(command, { name: 'link', occurrence: 1, line: '' }, 'error=EPERM')
  assert.equal(code, 1)
  assert.match(stderr, /key.age cannot be made: .*\nhint: .*--to - > /)
  assert.deepEqual(
    readdirSync(machine.folder).filter((name) => name.endsWith('.age') || name.startsWith('.')),
    [],
  )
})

test('a backup that its own identity does not open is not made', needsAge, async () => {
  await using machine = await Machine.create('sqlite')
  const other = makeIdentity(machine.folder, 'other.txt')
  const to = machine.file('key.age')
  const args = ['--to', to, '--recipient', machine.identity.recipient, '--identity', other.file]
  const { code, stderr } = await machine.key('export', ...args)
  assert.equal(code, 2)
  assert.match(stderr, /is sealed for another recipient/)
  assert.equal(existsSync(to), false)
})

test('each verb has its result as one document', { skip: leftOut || needsAge.skip }, async () => {
  await using machine = await Machine.create('sqlite')
  const to = machine.file('key.age')
  const args = ['--output', 'json']
  const identity = ['--identity', machine.identity.file]
  const runs = [
    await machine.key('export', '--to', to, '--recipient', machine.identity.recipient, ...identity, ...args),
    await machine.key('verify', '--from', to, ...identity, ...args),
    await machine.import(to, ...args),
  ]
  const documents = runs.map(({ stdout }) => JSON.parse(stdout))
  assert.deepEqual(
    documents.map(({ verb, outcome }) => [verb, outcome]),
    [
      ['key export', 'changed'],
      ['key verify', 'ok'],
      ['key import', 'ok'],
    ],
  )
  for (const { key } of documents) assert.equal(key.fingerprint, fingerprintA)
  const refused = await machine.import(machine.seal(keyB, 'b.age'), ...args)
  assert.equal(JSON.parse(refused.stdout).error.code, 'key-disproved')
})

function arrangeFile(sandbox: Sandbox, file: string | undefined): void {
  chmodSync(sandbox.path(keyPath), 0o600)
  // What OSSIM ships instead of a key is as good as no file.
  sandbox.write(keyPath, file === 'damaged' ? `${keyA} x` : keyFileText(file ?? 'KEY_VALUE'))
}

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes)
  changed[bytes.length - 20] = (changed[bytes.length - 20] ?? 0) ^ 1
  return changed
}

function fingerprintOf(text: string): string {
  return Key.parse(text)?.fingerprint ?? ''
}
