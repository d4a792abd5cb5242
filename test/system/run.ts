/**
 * `npm run test:system`: boots Debian machines with the package on them and prints a table of what
 * they showed. Needs root. Arguments: files of test/system or test/fleet, or flags of `node --test`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { removeGroupsOfRun } from './support/control-group.ts'
import { ensureImage, imagesOf } from './support/image.ts'

/** Programs, or files, and the packages that bring them. */
const tools = {
  '/usr/lib/galera/libgalera_smm.so': 'galera-4',
  '/usr/lib/podman/aardvark-dns': 'aardvark-dns',
  '/usr/lib/podman/netavark': 'netavark',
  '/usr/libexec/podman/catatonit': 'catatonit',
  'ansible-playbook': 'ansible-core',
  busybox: 'busybox-static',
  cc: 'gcc',
  haproxy: 'haproxy',
  ip: 'iproute2',
  iptables: 'iptables',
  lintian: 'lintian',
  mariadbd: 'mariadb-server',
  mmdebstrap: 'mmdebstrap',
  podman: 'podman',
  'podman-compose': 'podman-compose',
  rsync: 'rsync',
  runc: 'runc',
  shellcheck: 'shellcheck',
  ssh: 'openssh-client',
  'systemd-nspawn': 'systemd-container',
  unshare: 'util-linux',
}

if (process.getuid?.() !== 0) {
  console.error('machines are booted by root: run this as root')
  process.exit(1)
}
installTools()
if (globSync('build/*.deb').length < 2) {
  execFileSync(process.execPath, ['scripts/package.ts'], { stdio: 'inherit' })
}
const given = process.argv.slice(2)
const flags = given.filter((argument) => argument.startsWith('-'))
const named = given.filter((argument) => !argument.startsWith('-'))
const files = named.length > 0 ? named : globSync('test/system/*.system.ts').sort()
for (const name of new Set(files.flatMap(imagesOf))) ensureImage(name)
const reporter = ['--test-reporter=./test/system/support/table.ts', '--test-reporter-destination=stdout']
// Not /tmp: overlayfs wants a file system that can hold extended attributes.
const folder = mkdtempSync('/var/tmp/frameworkd-system-')
// What is mounted, every process and every network device is gone when this has ended, however it ended.
const ownNamespaces = [
  '--mount',
  '--net',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--propagation',
  'private',
]
const tests = [process.execPath, '--test', '--test-concurrency=2', ...reporter, ...flags, ...files]
// A new network namespace has no loopback until it is set up; each file needs it.
const withLoopback = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
const run = spawn('unshare', [...ownNamespaces, ...withLoopback, ...tests], {
  stdio: 'inherit',
  env: { ...process.env, TEST_SYSTEM_FOLDER: folder },
})
// unshare ignores both itself; killed, it takes all that it started along. What is to be removed is removed then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => run.kill('SIGKILL'))
process.exitCode = await new Promise<number>((resolve) => run.once('close', (code) => resolve(code ?? 1)))
removeGroupsOfRun(folder)
rmSync(folder, { recursive: true })

function installTools(): void {
  const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin']
  const missing = Object.entries(tools).filter(
    ([program]) => !folders.some((folder) => existsSync(resolve(folder, program))),
  )
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  console.error(`installing ${packages.join(', ')}`)
  // RUNLEVEL=1 keeps a package from starting a service of its own (invoke-rc.d(8)).
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    execFileSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  }
}
