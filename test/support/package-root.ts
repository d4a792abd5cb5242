/** A root in which dpkg and our programs work together, for a package of the imitation of the original. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { movedFiles, original, type Place, writeOriginal } from './original.ts'
import { programFile } from './programs.ts'
import type { Sandbox } from './sandbox.ts'

const units = '/usr/lib/systemd/system'

/** A root where dpkg works, with the programs of this machine: each order is given in mounts of its own. */
export class PackageRoot {
  readonly #sandbox: Sandbox

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
    // dpkg would make a folder of a link that leads to nothing.
    mkdirSync(sandbox.path('/usr/lib'), { recursive: true })
    rmSync(sandbox.path(original.program), { force: true })
    for (const name of ['bin', 'lib64']) symlinkSync(`usr/${name}`, sandbox.path(name))
    if (!existsSync(sandbox.path('/lib'))) symlinkSync('usr/lib', sandbox.path('/lib'))
    for (const path of ['/var/lib/dpkg/status', '/var/lib/dpkg/available']) sandbox.write(path, '')
    for (const path of ['info', 'updates', 'triggers'])
      mkdirSync(sandbox.path(`/var/lib/dpkg/${path}`), { recursive: true })
  }

  /** Our programs, which see this machine's dpkg below the root. */
  setup(...args: string[]) {
    return this.run('frameworkd-setup', ['--non-interactive', ...this.#sandbox.flags, ...args])
  }

  run(program: 'frameworkd-setup', args: readonly string[]) {
    const command = [process.execPath, programFile(program), ...args, '--root', this.#sandbox.root]
    // Units are the sandbox's own, in this machine's /usr, too.
    mkdirSync(this.#sandbox.path(units), { recursive: true })
    mkdirSync(this.#sandbox.path('/mnt'), { recursive: true })
    const mounts = `mount --bind "$0${units}" "$0/mnt" && mount --bind /usr "$0/usr" && mount --bind "$0/mnt" "$0${units}"`
    return this.#inside(['sh', '-c', `${mounts} && exec "$@"`, this.#sandbox.root, ...command])
  }

  /** Builds a package of the original's files, as they would be in that version, and installs it. */
  install(version: string, more: Readonly<Record<string, string>> = {}): void {
    const folder = mkdtempSync(join(tmpdir(), 'frameworkd-test-'))
    try {
      const build: Place = {
        write(path, text, mode = 0o644) {
          mkdirSync(dirname(join(folder, path)), { recursive: true })
          writeFileSync(join(folder, path), path.startsWith('/DEBIAN') ? text : `${text}# version ${version}\n`, {
            mode,
          })
        },
      }
      writeOriginal(build)
      for (const [path, text] of Object.entries(more)) build.write(path, text)
      const about = `Package: ossim-framework\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody <n@example.org>\n`
      build.write('/DEBIAN/control', `${about}Description: an imitation for tests\n`)
      build.write('/DEBIAN/conffiles', movedFiles.map((path) => `${path}\n`).join(''))
      const steps =
        'dpkg-deb --build "$1" "$1.deb" && dpkg --root="$0" --force-confnew --install "$1.deb"; s=$?; rm -f "$1.deb"; exit $s'
      const done = this.#inside(['sh', '-c', steps, this.#sandbox.root, folder])
      assert.equal(done.status, 0, done.stderr)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  truename(path: string): string {
    const admin = `--admindir=${this.#sandbox.path('/var/lib/dpkg')}`
    return spawnSync('dpkg-divert', [admin, '--truename', path], { encoding: 'utf8' }).stdout.trim()
  }

  #inside(command: string[]) {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
    return spawnSync('unshare', ['--mount', ...command], { encoding: 'utf8', env })
  }
}
