/** Podman with everything of its own: images, containers, networks and locks, in the namespaces of the run. */
import assert from 'node:assert/strict'
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { imageFolder } from '../../system/support/image.ts'
import { runFolder } from '../../system/support/run-folder.ts'

/** What podman keeps for the whole machine, whatever it is told of its places: sockets of names, and networks. */
const machineWide = ['/run/containers', '/run/netns']

export class Podman implements Disposable {
  readonly folder = mkdtempSync(join(runFolder(), 'containers-'))
  /** Podman wants no more than 50 letters. */
  readonly #runroot = mkdtempSync('/tmp/frameworkd-podman-')
  readonly #env: NodeJS.ProcessEnv

  constructor() {
    // For others to come to what is theirs below it.
    chmodSync(this.folder, 0o755)
    for (const path of machineWide) {
      mkdirSync(path, { recursive: true })
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path])
    }
    const write = (name: string, text: string) => {
      writeFileSync(join(this.folder, name), text)
      return join(this.folder, name)
    }
    // In a container that is run by a container, more than these limits cannot be had. Without a storage driver that
    // is named, what podman does at the end of a container fails, and each `run` waits 20 s for it.
    // A name that its own name server does not know (yet) is asked of this machine's, which cannot be reached from here.
    const settings = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=2000:2000"]
dns_options = ["timeout:1", "attempts:1"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "${this.#runroot}/libpod"
[network]
network_backend = "netavark"
network_config_dir = "${this.folder}/networks"
`
    const storage = `[storage]
driver = "overlay"
graphroot = "${this.folder}/store"
runroot = "${this.#runroot}/storage"
`
    this.#env = {
      ...process.env,
      CONTAINERS_CONF: write('containers.conf', settings),
      CONTAINERS_STORAGE_CONF: write('storage.conf', storage),
    }
  }

  try(args: readonly string[], input = '', program = 'podman'): SpawnSyncReturns<string> {
    return spawnSync(program, args, { encoding: 'utf8', env: this.#env, input, cwd: this.folder })
  }

  /** @returns standard output. @throws AssertionError when it fails */
  run(args: readonly string[], input = ''): string {
    const { status, stdout, stderr } = this.try(args, input)
    assert.equal(status, 0, `podman ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout.trim()
  }

  logs(container: string): string {
    const { stdout, stderr } = this.try(['logs', container])
    return stdout + stderr
  }

  isRunning(container: string): boolean {
    return this.try(['inspect', '--format', '{{.State.Running}}', container]).stdout === 'true\n'
  }

  /** Imports a Debian of this machine as `localhost/base`. */
  importBase(): void {
    const tar = join(this.folder, 'base.tar')
    const places = ['--one-file-system', '--directory', imageFolder('container'), '--file', tar]
    execFileSync('tar', ['--create', ...places, '--exclude=./usr/share/doc', '--exclude=./usr/share/locale', '.'])
    this.run(['import', tar, 'localhost/base'])
    rmSync(tar)
  }

  build(tag: string, context: string, ...args: string[]): void {
    this.run(['build', '--format', 'docker', '--isolation', 'chroot', '--pull-never', '--tag', tag, ...args, context])
  }

  /** Builds the image that stands in for MariaDB's own, of the files that a server needs. */
  buildMariaDb(tag: string): void {
    const root = imageFolder('trixie')
    const programs = ['usr/sbin/mariadbd', 'usr/bin/mariadb', 'usr/bin/my_print_defaults', 'usr/bin/resolveip']
    const linked = execFileSync('chroot', [root, 'ldd', ...programs.map((path) => `/${path}`)], { encoding: 'utf8' })
    const libraries = new Set([...linked.matchAll(/(?:\/usr)?(\/lib\S*\.so\S*)/g)].map(([, path]) => `usr${path}`))
    const context = join(this.folder, 'mariadb')
    cpSync('test/fleet/support/mariadb-image', context, { recursive: true })
    const files = [...programs, 'usr/bin/mariadb-install-db', 'usr/share/mariadb', ...libraries]
    const tar = ['--create', '--dereference', '--directory', root, '--file', join(context, 'mariadb.tar')]
    execFileSync('tar', [...tar, ...files])
    this.build(tag, context)
  }

  /** Pods and containers, running or not. */
  removeAll(): void {
    this.try(['pod', 'rm', '--all', '--force', '--time', '0'])
    this.try(['rm', '--all', '--force', '--time', '0'])
  }

  [Symbol.dispose](): void {
    this.removeAll()
    const mounts = ['store/overlay', 'store'].map((name) => join(this.folder, name))
    for (const path of [...mounts, ...machineWide]) spawnSync('umount', ['--lazy', path], { stdio: 'ignore' })
    for (const path of [this.folder, this.#runroot]) rmSync(path, { recursive: true, force: true })
  }
}
