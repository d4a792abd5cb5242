/**
 * Data is not authority: every row, every setting, every field of every note and the texts of a server are
 * an attacker's, on a tree with canaries everywhere. Whatever they say, nothing outside the product's places
 * is changed or opened, nothing is shown that a terminal would obey or that is a secret, and every run ends
 * in time, in bounded memory, with a known error (watched-run.ts).
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { kebabName, settingNames, variableName } from '../../src/settings/definitions.ts'
import { byExtent, isLong, sample } from '../support/extent.ts'
import { programFile } from '../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox, type StoreKind, storeKinds } from '../support/sandbox.ts'
import { installInit } from '../support/services.ts'
import {
  handmade,
  handmadeTexts,
  randomValues,
  strangersKey,
  withWrongFields,
  wrongFields,
} from './support/hostile-inputs.ts'
import { needsStrace } from './support/strace.ts'
import { startTally } from './support/tally.ts'
import { Canaries, runWatched } from './support/watched-run.ts'

const tally = startTally('hostile data')

const isRoot = process.getuid?.() === 0
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const options = needsStrace

/** Texts that must not be shown: the key of the file, what values hold, and what a stranger brings along. */
const secrets = [keyA, 'secret of a_pass', strangersKey]

/** What is done with each input, one after the other: all verbs get their share. */
const verbs: readonly (readonly [program: 'frameworkd' | 'frameworkd-setup', ...args: string[]])[] = [
  ['frameworkd-setup', 'check', '--non-interactive'],
  ['frameworkd-setup', 'apply', '--non-interactive', '--diff', '-v'],
  ['frameworkd', 'verify'],
  ['frameworkd-setup', 'apply', '--non-interactive', '--output', 'json', '--diff'],
  ['frameworkd-setup', 'seal', '--check'],
  ['frameworkd-setup', 'uninstall', '--purge', '--check', '--output', 'json'],
  ['frameworkd-setup', 'status'],
  ['frameworkd', 'status'],
  ['frameworkd', 'ping'],
  ['frameworkd-setup', 'apply', '--non-interactive', '--adopt', 'new'],
  ['frameworkd-setup', 'uninstall'],
  ['frameworkd-setup', 'seal', '--yes', '--force'],
  ['frameworkd-setup', 'uninstall', '--purge', '--yes', '--force'],
]

/** Those that read what is tried: the others would tell nothing. */
const readers = {
  rows: verbs.filter(([, verb]) => verb !== 'status'),
  settings: verbs.filter(([program, verb]) => program === 'frameworkd-setup' && verb !== 'status'),
  notes: verbs,
} as const

/** A machine in use: set up, with values, and canaries around. */
class Target implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly canaries: Canaries
  #turn = 0

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    this.canaries = new Canaries(sandbox)
  }

  static async create(kind: StoreKind): Promise<Target> {
    const sandbox = await Sandbox.create(kind)
    sandbox.giveToOwner()
    installInit(sandbox, 'systemd')
    mkdirSync(sandbox.path('/etc/monit/conf.d'), { recursive: true })
    const target = new Target(sandbox)
    await target.restore()
    const { code, stderr } = await target.run(verbs[1] as (typeof verbs)[number])
    assert.equal(code, 0, stderr)
    return target
  }

  /** What a seal or a purge took, and what a row made of the key. */
  async restore(): Promise<void> {
    this.sandbox.write(keyPath, keyFileText(keyA), 0o600)
    if (isRoot) chownSync(this.sandbox.path(keyPath), 33, 33)
    chmodSync(this.sandbox.path(keyPath), 0o400)
    await this.sandbox.setRow('encryption_key', keyA)
    await this.sandbox.addEncrypted(keyA)
  }

  run([program, ...args]: (typeof verbs)[number], env: Record<string, string> = {}, flags = this.sandbox.flags) {
    const all = program === 'frameworkd-setup' ? flags : []
    const command = [process.execPath, programFile(program), ...args, '--root', this.sandbox.root, ...all]
    this.canaries.remember()
    return runWatched(this.sandbox, this.canaries, command, secrets, env)
  }

  /** The next verb of a list. */
  next(list: readonly (typeof verbs)[number][]): (typeof verbs)[number] {
    this.#turn += 1
    return list[this.#turn % list.length] as (typeof verbs)[number]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.canaries[Symbol.dispose]()
    await this.sandbox[Symbol.asyncDispose]()
  }
}

const rowNames = [
  'encryption_key',
  'frameworkd_keyfile',
  'frameworkd_address',
  'frameworkd_port',
  'frameworkd_log_dir',
  'frameworkd_listener',
  'frameworkd_log_mode',
]

/** Verbs that take away what the next input needs. */
const removing = ['seal', 'uninstall']

for (const kind of storeKinds) {
  test(
    `${kind}: no row, whatever it holds, aims root at anything or brings anything to the screen`,
    options,
    async (t) => {
      const values = [...handmade, ...randomValues(isLong ? 60 : 10, seed)]
      const all = rowNames.flatMap((name) => values.map((value) => [name, value] as const))
      t.diagnostic(`seed ${seed}`)
      let target = await Target.create(kind)
      try {
        for (const [name, value] of sample(all, byExtent({ long: 400, all: 14, sample: 4 }))) {
          // As bytes, and as many as a TEXT has: no column of latin1 holds all of it as text.
          const bytes = typeof value === 'string' ? Buffer.from(value) : value
          const hex = bytes?.subarray(0, 65_535).toString('hex') ?? null
          await target.sandbox.sql('REPLACE INTO config (conf, value) VALUES (?, UNHEX(?))', [name, hex])
          const verb = target.next(readers.rows)
          await target.run(verb)
          tally.add('rows with a value of an attacker', 1)
          if (removing.includes(verb[1] ?? '') && !verb.includes('--check')) {
            await target[Symbol.asyncDispose]()
            target = await Target.create(kind)
          } else {
            await target.sandbox.setRow(name, defaults[name] ?? null)
            await target.restore()
          }
        }
      } finally {
        await target[Symbol.asyncDispose]()
      }
    },
  )
}

/** The rows as createSchema makes them. */
const defaults: Readonly<Record<string, string>> = {
  frameworkd_keyfile: keyPath,
  frameworkd_address: '127.0.0.1',
  frameworkd_port: '40003',
  frameworkd_log_dir: '/var/log/ossim/',
  frameworkd_listener: '1',
}

test('no setting, in any of its sources, does more than what that source may decide', options, async () => {
  await using target = await Target.create('sqlite')
  const { sandbox } = target
  const values = [...handmadeTexts, ...randomValues(isLong ? 60 : 10, seed)]
  const places: Readonly<
    Record<string, (name: (typeof settingNames)[number], value: string) => Record<string, string>>
  > = {
    'frameworkd.ini': (name, value) => {
      sandbox.write('/etc/frameworkd/frameworkd.ini', `store=sqlite\n${kebabName(name)}=${value}\n`)
      return {}
    },
    "a file of the owner's": (name, value) => {
      sandbox.write('/etc/ossim/framework/mine.ini', `store=sqlite\n${kebabName(name)}=${value}\n`)
      if (isRoot) chownSync(sandbox.path('/etc/ossim/framework/mine.ini'), 33, 33)
      return {}
    },
    'ossim.conf': (name, value) => {
      sandbox.write('/etc/ossim/framework/ossim.conf', `ossim_type=mysql\nossim_${kebabName(name)}=${value}\n`)
      return {}
    },
    'the environment': (name, value) => ({
      [variableName(name)]: value.replaceAll('\0', '').slice(0, longestVariable),
    }),
    'a name': (_name, value) => {
      sandbox.write('/etc/frameworkd/frameworkd.ini', `${value}=1\n[${value}]\n`)
      return {}
    },
    'a whole file': (_name, value) => {
      sandbox.write('/etc/ossim/framework/ossim.conf', value)
      sandbox.write('/etc/ossim/ossim_setup.conf', `[database]\n${value}\ndb_ip=${value}`)
      return {}
    },
  }
  const all = Object.keys(places).flatMap((place) =>
    settingNames.flatMap((name) => values.map((value) => [place, name, value] as const)),
  )
  for (const [place, name, value] of sample(all, byExtent({ long: 500, all: 14, sample: 5 }))) {
    const env = places[place]?.(name, value) ?? {}
    const verb = target.next(readers.settings.filter(([, verb = '']) => !removing.includes(verb)))
    const config = place === "a file of the owner's" ? ['--config', '/etc/ossim/framework/mine.ini'] : []
    await target.run([...verb, ...config] as unknown as (typeof verbs)[number], env, ['--store', 'sqlite'])
    tally.add('settings with a value of an attacker', 1)
    rmSync(sandbox.path('/etc/ossim/framework/ossim.conf'), { force: true })
    rmSync(sandbox.path('/etc/ossim/ossim_setup.conf'), { force: true })
    sandbox.write('/etc/frameworkd/frameworkd.ini', 'store=sqlite\n')
  }
})

/** Characters in a variable of the environment: the kernel takes 128 KiB (execve(2)), and some have two bytes or four. */
const longestVariable = 30_000

const identity = { pid: 1, startTime: '1', bootId: '11111111-2222-3333-4444-555555555555' }
/** Every note that the programs leave for each other, as one that makes sense. */
const notes: Readonly<Record<string, unknown>> = {
  '/var/lib/frameworkd/setup/installed.json': {
    version: 1,
    files: { '/etc/logrotate.d/frameworkd': ['0'.repeat(64)] },
    links: ['/etc/systemd/system/multi-user.target.wants/frameworkd.service'],
  },
  '/var/lib/frameworkd/setup/lock': { process: identity },
  '/var/lib/frameworkd/setup/waiting.json': { process: identity, waitsFor: 'database x: nothing listens there' },
  '/var/lib/frameworkd/setup/result.json': {
    version: 1,
    verb: 'apply',
    check: false,
    outcome: 'failed',
    recap: { ok: 1 },
    tasks: [{ name: 'x', tags: ['y'], title: 'z', outcome: 'ok', summary: 's', ms: 1 }],
    key: { fingerprint: '1a2b3c4d', source: 'random' },
    warnings: ['w'],
    error: { code: 'usage', message: 'm', hint: 'h' },
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:00.000Z',
  },
  '/run/frameworkd/lock': {
    process: identity,
    version: '1',
    startedAt: '2026-01-01T00:00:00.000Z',
    pidfile: '/run/frameworkd/frameworkd.pid',
    keyFingerprint: '1a2b3c4d',
    serves: true,
    listens: { address: '127.0.0.1', port: 1 },
    reloads: { ended: 1, running: false, failure: 'f' },
  },
}

test('no field of a note, and no other small file of the machine, is trusted beyond its form', options, async () => {
  await using target = await Target.create('sqlite')
  const { sandbox } = target
  const files = Object.entries(notes).flatMap(([path, note]) =>
    withWrongFields(note, wrongFields).map((wrong) => [path, JSON.stringify(wrong) ?? ''] as const),
  )
  const small = [
    '/run/frameworkd/frameworkd.pid',
    '/run/ossim-framework.pid',
    '/var/lib/frameworkd/machine-mark',
    '/etc/machine-id',
    '/etc/alienvault/system-id',
    keyPath,
    ...Object.keys(notes),
  ].flatMap((path) => [...handmadeTexts, ...randomValues(4, seed)].map((text) => [path, text] as const))
  for (const [path, text] of [
    ...sample(files, byExtent({ long: 500, all: 12, sample: 5 })),
    ...sample(small, byExtent({ long: 150, all: 6, sample: 2 })),
  ]) {
    sandbox.write(path, '')
    rmSync(sandbox.path(path))
    sandbox.write(path, text, 0o644)
    if (isRoot && path.startsWith('/run/'))
      chownSync(dirname(sandbox.path(path)), path.includes('frameworkd/') ? 33 : 0, 33)
    if (isRoot && path.startsWith('/run/frameworkd/')) chownSync(sandbox.path(path), 33, 33)
    const verb = target.next(readers.notes.filter(([, verb = '']) => !removing.includes(verb) || verb === 'seal'))
    await target.run(verb.includes('--force') ? ['frameworkd-setup', 'uninstall', '--check'] : verb)
    tally.add('notes and small files of an attacker', 1)
    rmSync(sandbox.path(path), { force: true })
    await target.restore()
  }
})

test('no entry of an account is more than a name and two numbers', options, async () => {
  await using target = await Target.create('sqlite')
  const { sandbox } = target
  const ids = ['', ' ', 'abc', '-1', '0x10', ' 33', '4294967295', '99999999999', '1e3', '33.0', '\u0661', '+5']
  const names = ['a b', 'a;b', '\u001b[2J', 'a"b', "a'b", '$(x)', strangersKey, '%n', 'a\tb', '-x', 'root\r']
  const passwds = [
    ...ids.flatMap((id) => [`www-data:x:${id}:33::/:/bin/sh\n`, `www-data:x:33:${id}::/:/bin/sh\n`]),
    ...['', 'www-data\n', 'www-data:\n', 'www-data:x\n', 'www-data:x:33\n', ':::::\n', '\0\n', 'www-data'.repeat(9999)],
  ].map((text) => ['/etc/passwd', text] as const)
  const groups = [...names.map((name) => `${name}:x:33:\n`), ...ids.map((id) => `www-data:x:${id}:\n`)].map(
    (text) => ['/etc/group', text] as const,
  )
  for (const [path, text] of sample([...passwds, ...groups], byExtent({ long: 100, all: 8, sample: 3 }))) {
    sandbox.giveToOwner()
    sandbox.write(path, text)
    for (const owner of isLong ? ['www-data', 'www-data:www-data'] : ['www-data:www-data']) {
      const flags = ['--store', 'sqlite', '--owner', owner]
      const { code } = await target.run(['frameworkd-setup', 'apply', '--non-interactive', '--diff'], {}, flags)
      // A strange name that has the right number is as good as none, and a number that nobody asks for does no harm.
      const isNamed = owner.includes(':')
      const isHarmless = path === '/etc/group' ? !isNamed || names.some((name) => text.startsWith(name)) : isNamed
      if (!isHarmless) assert.notEqual(code, 0, `${path}: ${JSON.stringify(text.slice(0, 80))}`)
      tally.add('entries of accounts', 1)
    }
  }
})

test('mysql: no error shows the text of the server, which has the new value in it', options, async () => {
  await using target = await Target.create('mysql')
  const { sandbox } = target
  // 1 to 65535 can be signalled; those of MySQL's and MariaDB's own lists, and some of nobody's.
  const numbers = [1045, 1146, 1205, 1213, 1290, 1317, 1644, 1927, 1969, 2013, 3024, 3159, 4031, 9001, 20_000, 65_535]
  for (const number of byExtent({ long: numbers, all: [1644, 1969, 9001, 65_535], sample: [1969] })) {
    for (const action of ['INSERT', 'UPDATE']) {
      await sandbox.sql('DROP TRIGGER IF EXISTS tell')
      await sandbox.sql("DELETE FROM config WHERE conf = 'encryption_key'")
      if (action === 'UPDATE') await sandbox.setRow('encryption_key', '')
      const text = "CONCAT('\u001b[2J', LEFT(NEW.value, 100), '\u009b31m')"
      await sandbox.sql(
        `CREATE TRIGGER tell BEFORE ${action} ON config FOR EACH ROW BEGIN DECLARE m TEXT; SET m = ${text}; SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = ${number}, MESSAGE_TEXT = m; END`,
      )
      const { code, stderr } = await target.run(['frameworkd-setup', 'apply', '--non-interactive', '--diff'])
      assert.ok([1, 2, 75].includes(code ?? -1), `${number}: ${stderr}`)
      tally.add('errors that a trigger signals with the key as text', 1)
    }
  }
})

/** Puts links, fifos, folders and other files in place of those that are its own, as fast as it can. */
const racer = `
import os, sys
root, canary = sys.argv[1:3]
os.setgroups([]); os.setgid(33); os.setuid(33)
places = [root + path for path in sys.argv[3:]]
def remove(path):
    try: os.unlink(path)
    except OSError:
        try: os.rmdir(path)
        except OSError: pass
turn = 0
while os.getppid() != 1:
    for path in places:
        turn += 1
        for work in (lambda: os.symlink(canary, path), lambda: os.mkfifo(path), lambda: os.mkdir(path),
                     lambda: open(path, 'w').write('x' * 100), lambda: os.link(places[0], path)):
            try:
                remove(path)
                if turn % 3: work()
            except OSError: pass
`

test("the owner's account, changing its own files while root runs, gains and breaks nothing of root's", {
  skip: !isRoot && 'needs root',
}, async () => {
  await using target = await Target.create('sqlite')
  const { sandbox, canaries } = target
  for (const folder of ['/etc/ossim/framework', '/var/log/ossim', '/run/frameworkd']) {
    mkdirSync(sandbox.path(folder), { recursive: true })
    chownSync(sandbox.path(folder), 33, 33)
  }
  const races: readonly (readonly string[])[] = [
    [keyPath, '/etc/ossim/framework/.db_encryption_key.frameworkd-new', '/etc/ossim/framework/ossim.conf'],
    ['/var/log/ossim/frameworkd.log', '/var/log/ossim/frameworkd_error.log'],
    ['/run/frameworkd/lock', '/run/frameworkd/frameworkd.pid'],
    ['/var/lib/frameworkd/store/config.db-journal', '/var/lib/frameworkd/store/config.db'],
  ]
  for (const places of races) {
    const args = ['-c', racer, sandbox.root, `${canaries.outside}/canary`, ...places]
    const racing = spawn('python3', args, { stdio: 'ignore' })
    const ended = new Promise((resolve) => racing.once('close', resolve))
    try {
      for (let attempt = 0; attempt < byExtent({ long: 30, all: 3, sample: 1 }); attempt += 1) {
        await target.run(target.next(readers.notes.filter(([, verb]) => verb !== 'ping')))
        tally.add("runs of root beside the owner's racing process", 1)
      }
    } finally {
      racing.kill('SIGKILL')
      await ended
    }
    for (const path of places) rmSync(sandbox.path(path), { recursive: true, force: true })
  }
})
