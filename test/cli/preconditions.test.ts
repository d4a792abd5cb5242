/** What every verb stands on. Without it, nothing may read as "nothing there". */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { program as daemon } from '../../src/cli/daemon/main.ts'
import { program as setup } from '../../src/cli/setup/main.ts'
import { inTurns, leftOut, someOf } from '../support/extent.ts'
import { asStranger, type Program, run, runIn } from '../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox, storeKinds } from '../support/sandbox.ts'

const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
const programs = { 'frameworkd-setup': setup.verbs, frameworkd: daemon.verbs }
const everyVerb = Object.entries(programs).flatMap(([program, verbs]) =>
  Object.keys(verbs).map((verb) => [program as Program, verb] as const),
)

/** Runs a verb behind a command that makes the surroundings. */
const withoutProc = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$0" "$@"']
const inRemovedFolder = ['sh', '-c', 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$0" "$@"']

/** What is wrong with the folder it is run in, or with the root. */
const wrongFolders: readonly [surroundings: readonly string[], root: string, says: RegExp][] = [
  [inRemovedFolder, '/', /: working-folder: it was removed\nhint: /],
  [[], '/missing', /: root: .* cannot be entered: .*\nhint: /],
  [[], '/file', /: root: .* cannot be entered: .*\nhint: /],
]

for (const [index, [program, verb]] of someOf(everyVerb, 3).entries()) {
  test(`${program} ${verb} without /proc is 4 by name, and changes nothing`, needsRoot, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    sandbox.write(keyPath, keyFileText(keyA), 0o400)
    const before = sandbox.tree()
    const { code, stderr } = await runIn(withoutProc, program, [verb, '--root', sandbox.root])
    assert.equal(code, 4, stderr)
    assert.match(stderr, /: linux: \/proc is not mounted\nhint: /)
    assert.equal(sandbox.tree(), before)
  })

  test(`${program} ${verb} in a folder that was removed, or on a root that is none, is 4 by name`, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    sandbox.write('/file', '')
    for (const [surroundings, root, says] of inTurns(wrongFolders, index)) {
      const { code, stderr } = await runIn(surroundings, program, [verb, '--root', sandbox.path(root)])
      assert.equal(code, 4, stderr)
      assert.match(stderr, says)
    }
  })
}

test('all that is lacking is told at once', needsRoot, async () => {
  const { code, stderr } = await runIn([...withoutProc, ...inRemovedFolder], 'frameworkd', [
    'status',
    '--root',
    '/none',
  ])
  assert.equal(code, 4)
  assert.match(stderr, /3 checks failed\n {2}linux: .*\n {2}working-folder: .*\n {2}root: /)
})

test('a root that we may not enter is 4 by name, and not an empty one', needsRoot, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  chmodSync(sandbox.root, 0o700)
  const { code, stderr } = await runIn(asStranger, 'frameworkd-setup', ['status', '--root', sandbox.root])
  assert.equal(code, 4, stderr)
  assert.match(stderr, /root: .* cannot be entered: permission is denied/)
})

const goesBySettings = ['apply', 'check', 'seal', 'uninstall', 'config', 'run', 'start', 'verify']

for (const [program, verb] of someOf(
  everyVerb.filter(([, verb]) => goesBySettings.includes(verb)),
  3,
)) {
  test(
    `${program} ${verb} without sudo, where the settings are not for everybody, is 4 by name`,
    needsRoot,
    async () => {
      await using sandbox = await Sandbox.create('sqlite')
      chmodSync(sandbox.root, 0o755)
      sandbox.write('/etc/ossim/framework/ossim.conf', 'ossim_host=127.0.0.1\nossim_user=ossim\n', 0o640)
      const { code, stderr } = await runIn(asStranger, program, [verb, '--root', sandbox.root])
      assert.equal(code, 4, stderr)
      assert.match(stderr, /rights: .*ossim\.conf may not be read by this account\nhint: run it as root \(sudo\)/)
    },
  )
}

/** A chroot that is this machine as it was before any setup, and an account that is not root. */
const withoutSudo = [
  ...['unshare', '--mount', 'sh', '-c'],
  `mount --rbind / /mnt && for folder in /etc/ossim /etc/frameworkd /var/lib/frameworkd
  do test ! -d "/mnt$folder" || mount -t tmpfs none "/mnt$folder"; done
  exec chroot --userspec=4242:4242 --groups= /mnt "$0" "$@"`,
]

for (const args of someOf([['check'], ['--non-interactive'], ['check', '--store', 'sqlite']], 1)) {
  test(
    `frameworkd-setup ${args.join(' ')} without sudo on a fresh machine is 4, and rights are named`,
    needsRoot,
    async () => {
      const { code, stderr } = await runIn(withoutSudo, 'frameworkd-setup', args)
      assert.equal(code, 4, stderr)
      assert.match(stderr, /rights: only root may set up this machine/)
      assert.match(stderr, /run it as root \(sudo\)/)
      assert.doesNotMatch(stderr, /--ignore-preflight \S*rights/)
    },
  )
}

const weakRoots: Readonly<Record<string, readonly [surroundings: readonly string[], lacks: RegExp]>> = {
  'of a user namespace': [['unshare', '--user', '--map-root-user'], /lacks other accounts in its user namespace/],
  'without capabilities': [['setpriv', '--bounding-set=-all'], /lacks CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER/],
  'without CAP_SETUID': [['setpriv', '--bounding-set=-setuid'], /lacks CAP_SETUID/],
}

for (const [index, [name, [surroundings, lacks]]] of Object.entries(weakRoots).entries()) {
  test(`root ${name} is told what it lacks, by name and with 4`, needsRoot, (t) => {
    const script = `
      import { openHost, requireRights } from './src/host/preconditions.ts'
      try { requireRights(openHost(), 'set up') } catch (error) { console.log(error.exitCode, error.message) }`
    const [file = '', ...args] = [...surroundings, process.execPath, '--input-type=module', '-e', script]
    const child = spawnSync(file, args, { encoding: 'utf8' })
    if (child.stderr.includes('unshare failed')) return t.skip('no user namespaces here')
    assert.match(child.stdout, /^4 rights: only root may set up this machine, and here root lacks /, child.stderr)
    assert.match(child.stdout, lacks)
  })

  for (const kind of inTurns(storeKinds, index)) {
    test(`root ${name} sets a tree up as any account does, with key and row: ${kind}`, needsRoot, async (t) => {
      await using sandbox = await Sandbox.create(kind)
      sandbox.write('/etc/passwd', 'www-data:x:4242:4243:::\n')
      const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
      const { code, stdout, stderr } = await runIn(surroundings, 'frameworkd-setup', args)
      if (stderr.includes('unshare failed')) return t.skip('no user namespaces here')
      assert.equal(code, 0, stderr)
      assert.match(stdout + stderr, /should belong to www-data belong to us instead/)
      assert.equal(sandbox.keyInFile(), await sandbox.keyInRow())
    })
  }
}

test('where a document is asked for there is one, also where nothing could be asked', { skip: leftOut }, async () => {
  for (const [verb, expected] of Object.entries({
    status: { state: 'unknown' },
    ping: { answers: false },
    verify: { outcome: 'failed', checks: [] },
  })) {
    const { code, stdout, stderr } = await run('frameworkd', [verb, '--json', '--root', '/nosuch'])
    assert.equal(code, 4, stderr)
    const document = JSON.parse(stdout)
    assert.deepEqual({ ...document, ...expected }, document)
    assert.match(stdout, /\/nosuch cannot be entered/)
  }
})
