/**
 * A root without any C library, in which `frameworkd-legacy` has to do with its own, and with what Linux 4.9
 * knew of system calls. Its shell is busybox, which is linked with nothing.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Ended, endOf, outputOf } from './ended.ts'
import { runFolder } from './run-folder.ts'

const busybox = '/bin/busybox'
/** What every Debian has, and our programs run. */
const applets = ['chroot', 'cp', 'flock', 'sh', 'sync']
const source = fileURLToPath(new URL('old-kernel.c', import.meta.url))

export class BareRoot implements Disposable {
  readonly root: string
  readonly #folder: string
  readonly #launcher: string
  readonly #mounted: string[] = []

  /** @param file the package, as it was built */
  constructor(file: string) {
    this.#folder = mkdtempSync(join(runFolder(), 'bare-'))
    chmodSync(this.#folder, 0o755)
    this.root = join(this.#folder, 'root')
    this.#launcher = join(this.#folder, 'old-kernel')
    execFileSync('cc', ['-Wall', '-Werror', '-o', this.#launcher, source])
    for (const name of ['bin', 'dev', 'etc', 'proc', 'run', 'tmp'])
      mkdirSync(join(this.root, name), { recursive: true })
    execFileSync('dpkg-deb', ['--extract', file, this.root])
    copyFileSync(busybox, join(this.root, 'bin/busybox'))
    for (const name of applets) symlinkSync('busybox', join(this.root, 'bin', name))
    // As Debian 9 has it.
    this.write('/etc/nsswitch.conf', 'passwd: compat\ngroup: compat\nshadow: compat\nhosts: files dns\n')
    this.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n')
    this.write('/etc/group', 'root:x:0:\nwww-data:x:33:\n')
    for (const path of ['/proc', '/dev']) this.bind(path, path)
  }

  /** Makes a folder of the machine seen in the root. */
  bind(folder: string, path: string): void {
    mkdirSync(join(this.root, path), { recursive: true })
    execFileSync('mount', ['--bind', folder, join(this.root, path)])
    this.#mounted.push(join(this.root, path))
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), text, { mode })
  }

  /** All shared libraries that are in it. */
  libraries(): string[] {
    const found = execFileSync('find', [this.root, '-xdev', '-name', '*.so*', '-printf', '/%P\\n'], {
      encoding: 'utf8',
    })
    return found.split('\n').filter((path) => path !== '')
  }

  /** Runs a program of the root. */
  async run(program: string, ...args: string[]): Promise<Ended> {
    const child = spawn(this.#launcher, [this.root, program, ...args], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return endOf(child)
  }

  /** The output of a program that has to succeed. */
  async output(program: string, ...args: string[]): Promise<string> {
    return outputOf([program, ...args].join(' '), await this.run(program, ...args))
  }

  [Symbol.dispose](): void {
    for (const path of this.#mounted) execFileSync('umount', ['--lazy', path])
    rmSync(this.#folder, { recursive: true })
  }
}
