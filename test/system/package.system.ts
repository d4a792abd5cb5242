/** The package itself: how it is built, upgraded, removed and purged. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { byExtent } from '../support/extent.ts'
import {
  databaseFlags,
  databaseUnits,
  installPackage,
  isActive,
  keyFile,
  keyOf,
  mainPid,
  packageFile,
  provision,
  setup,
  until,
  untilServing,
  untilServingAnew,
} from './support/appliance.ts'
import type { ImageName } from './support/image.ts'
import type { Machine } from './support/machine.ts'
import { onOneMachine } from './support/one-machine.ts'
import { runFolder } from './support/run-folder.ts'
import { Tree } from './support/tree.ts'

const kinds = ['frameworkd', 'frameworkd-legacy'] as const

const built = (kind: (typeof kinds)[number]) => join('build', packageFile(kind).replace(/.*\//, ''))

test('build: two builds of one commit have the same files, but for code caches in the executable', () => {
  const folder = mkdtempSync(join(runFolder(), 'package-'))
  try {
    execFileSync(process.execPath, ['scripts/package.ts', '--uncompressed', folder], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    for (const kind of kinds) {
      const [again = ''] = globSync(`${folder}/${kind}_*.deb`)
      const [first, second] = [built(kind), again].map((file, index) => unpack(file, `${folder}/${kind}-${index}`))
      assert.deepEqual(second?.entries, first?.entries)
      const [one = 0, other = 0] = [first?.executableBytes, second?.executableBytes]
      assert.ok(Math.abs(one - other) < one / 1000, `the executables have ${one} and ${other} bytes`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('build: frameworkd asks for the C library whose symbols it needs, frameworkd-legacy for none of the system', () => {
  const field = (kind: (typeof kinds)[number], name: string) =>
    execFileSync('dpkg-deb', ['--field', built(kind), name], { encoding: 'utf8' }).trim()
  assert.match(field('frameworkd', 'Depends'), /\blibc6 \(>= 2\.28\)/)
  assert.equal(field('frameworkd-legacy', 'Depends'), '')
  assert.equal(field('frameworkd', 'Conflicts'), 'frameworkd-legacy')
  for (const name of ['Conflicts', 'Replaces']) assert.equal(field('frameworkd-legacy', name), 'frameworkd')
  assert.match(field('frameworkd-legacy', 'Provides'), /^frameworkd \(= /)
})

test('build: of each library that frameworkd-legacy brings, the copyright file names licence, version and source', () => {
  const files = execFileSync('dpkg-deb', ['--contents', built('frameworkd-legacy')], { encoding: 'utf8' })
  const libraries = [...files.matchAll(/ \.\/(usr\/lib\/frameworkd\/lib\/\S+[^/])$/gm)].map((found) => found[1] ?? '')
  const copyright = readFileSync('build/packages/frameworkd-legacy/usr/share/doc/frameworkd-legacy/copyright', 'utf8')
  const stanzas = copyright.split('\n\n')
  assert.ok(libraries.length > 5)
  for (const library of libraries) {
    const [stanza = '', more] = stanzas.filter((text) => text.split(/\s/).includes(library))
    assert.equal(more, undefined, library)
    assert.match(stanza, /^License: (LGPL-2\.1\+|GPL-3\+ with GCC Runtime Library Exception 3\.1)$/m)
    assert.match(stanza, /source package (\S+) (\S+):\n https:\/\/snapshot\.debian\.org\/package\/\1\/\2\/$/m)
    assert.ok(stanzas.some((text) => text.startsWith(`License: ${/^License: (.*)$/m.exec(stanza)?.[1]}\n On Debian`)))
  }
})

test('build: lintian and shellcheck have nothing to say but what is overridden with a reason', (context) => {
  const said = execFileSync('lintian', ['--allow-root', '--fail-on=error,warning', ...kinds.map(built)], {
    encoding: 'utf8',
  })
  assert.equal(said, '')
  const completions = 'build/packages/frameworkd/usr/share/bash-completion/completions/*'
  execFileSync('shellcheck', [...globSync('packaging/p*'), ...globSync(completions)])
  const overrides = kinds.flatMap((kind) =>
    readFileSync(`build/packages/${kind}/usr/share/lintian/overrides/${kind}`, 'utf8').match(/^[a-z]\S+/gm),
  )
  context.diagnostic(`overridden: ${[...new Set(overrides)].join(', ')}`)
})

/** Debian 11 is in old-debian.system.ts, too, which is quicker. */
const images = byExtent<readonly ImageName[]>({
  sample: ['bookworm', 'trixie'],
  all: ['bullseye', 'bookworm', 'trixie'],
  long: ['bullseye', 'bookworm', 'trixie'],
})

for (const image of images) {
  describe(image, () => {
    const promise = onOneMachine(image, () => Tree.of(image))

    promise('installing makes no key, starts nothing and enables nothing', async ({ machine }) => {
      await installPackage(machine)
      assert.equal(await isActive(machine), false)
      assert.notEqual((await machine.run('systemctl is-enabled frameworkd')).code, 0)
      assert.equal((await machine.run(`test -e ${keyFile}`)).code, 1)
      assert.match(
        await machine.output('frameworkd --version; frameworkd-setup --version'),
        /^frameworkd \S+\nframeworkd-setup \S+$/,
      )
      await machine.output('dpkg --purge frameworkd')
    })

    promise('a daemon that no init system has started is told of by an upgrade and a removal', async ({ machine }) => {
      await installPackage(machine)
      const flags = '--store sqlite --init none --non-interactive --no-color'
      await machine.output(`frameworkd-setup ${flags}`)
      // Not with `start`, which would have the packaged unit do it.
      await machine.output('setsid --fork frameworkd run </dev/null >/dev/null 2>&1')
      await untilServing(machine)
      const pid = /pid (\d+)/.exec(await machine.output('frameworkd status'))?.[1]
      assert.match(await machine.output(`dpkg --install ${packageFile()}`), /goes on in its old version.*restart/)
      const removed = await machine.output('dpkg --remove frameworkd')
      assert.match(removed, new RegExp(`goes on without its package; end it with kill: .*pid ${pid},`))
      await machine.output(`kill ${pid}; FRAMEWORKD_PURGE_KEY=yes dpkg --purge frameworkd`)
    })

    promise(
      'an upgrade from the previous package keeps everything, and the new version serves',
      async ({ machine }) => {
        await machine.output(previousPackage)
        await provision(machine, '/root/previous.deb')
        const before = await remembered(machine)
        const pid = await mainPid(machine)
        await installPackage(machine)
        await untilServingAnew(machine, pid)
        assert.equal(await remembered(machine), before)
        assert.match(await machine.output(setup), /changed=0 .*failed=0/)
      },
    )

    promise('an upgrade does not wait for a database that is away, and does not fail', async ({ machine }) => {
      await machine.output(`systemctl stop ${databaseUnits}`)
      await installPackage(machine)
      await until('the daemon says what it waits for', async () =>
        /^Waiting: /.test(await machine.output('systemctl show -P StatusText frameworkd')),
      )
      await machine.output('systemctl start mariadb.service')
      await untilServing(machine)
    })

    promise(
      'a removal stops it and leaves key, settings and logs; installing it again serves with them',
      async ({ machine }) => {
        const before = await remembered(machine)
        await machine.output('dpkg --remove frameworkd')
        assert.equal((await machine.run('pgrep -x frameworkd')).code, 1)
        assert.equal(await remembered(machine), before)
        await machine.output('test -s /var/log/ossim/frameworkd.log')
        await installPackage(machine)
        await machine.output(setup)
        await untilServing(machine)
      },
    )

    promise('a purge asks nothing, takes settings and logs away and keeps the key', async ({ machine }) => {
      const key = await keyOf(machine)
      await machine.output('DEBIAN_FRONTEND=dialog dpkg --purge frameworkd </dev/null')
      assert.equal(await keyOf(machine), key)
      const left = await machine.output('find /etc /var/lib /var/log -name "*frameworkd*"')
      assert.deepEqual(
        left.split('\n').filter((path) => !path.startsWith('/var/lib/systemd/')),
        [''],
      )
    })

    promise('a purge that is told to takes the key too', async ({ machine }) => {
      await installPackage(machine)
      await machine.output(`${setup} ${databaseFlags()}`)
      await machine.output('FRAMEWORKD_PURGE_KEY=yes dpkg --purge frameworkd')
      assert.equal((await machine.run(`test -e ${keyFile}`)).code, 1)
    })
  })
}

/** There is no earlier release yet: this is the same package under an older version. */
const previousPackage = `
  dpkg-deb --raw-extract ${packageFile()} /root/previous &&
  sed -i 's/^Version: .*/Version: 0.0.1/' /root/previous/DEBIAN/control &&
  dpkg-deb -Znone --build /root/previous /root/previous.deb &&
  rm -r /root/previous`

/** Key, settings and what apply laid down, with owners and modes. */
function remembered(machine: Machine): Promise<string> {
  return machine.output(`
    find /etc/ossim /etc/systemd/system /etc/logrotate.d -printf '%p %m %u:%g %l\\n' | sort
    cat ${keyFile} /etc/frameworkd/frameworkd.ini`)
}

const executable = 'usr/lib/frameworkd/frameworkd'

/** Name, type, mode and content of all that is in a package, and of the executable the size. */
function unpack(file: string, folder: string): { entries: string[]; executableBytes: number } {
  execFileSync('dpkg-deb', ['--raw-extract', file, folder])
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const entries = names.map((name) => {
    const stats = lstatSync(join(folder, name))
    const mode = stats.mode.toString(8)
    if (stats.isSymbolicLink()) return `${name} ${mode} ${readlinkSync(join(folder, name))}`
    if (!stats.isFile() || name === executable) return `${name} ${mode}`
    return `${name} ${mode} ${digest(readFileSync(join(folder, name)), name)}`
  })
  return { entries, executableBytes: lstatSync(join(folder, executable)).size }
}

/** Without what is said there of the executable: its own digest, and how large the package is with it. */
function digest(content: Buffer, name: string): string {
  const text = content.toString('latin1')
  const withoutExecutable = {
    'DEBIAN/md5sums': new RegExp(`.*  ${executable}\\n`),
    'DEBIAN/control': /^Installed-Size: .*\n/m,
  }
  const left = text.replace(withoutExecutable[name as keyof typeof withoutExecutable] ?? /$^/, '')
  return createHash('sha256').update(left, 'latin1').digest('hex')
}
