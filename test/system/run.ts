/**
 * `npm run test:system`: boots Debian machines with the package on them and prints a table of what
 * they showed. Needs root. Arguments: files of test/system, or flags of `node --test`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { ensureImage, imageNames } from './support/image.ts'

/** Programs, and the packages that bring them. */
const tools = {
  ip: 'iproute2',
  lintian: 'lintian',
  mmdebstrap: 'mmdebstrap',
  shellcheck: 'shellcheck',
  'systemd-nspawn': 'systemd-container',
  unshare: 'util-linux',
}

if (process.getuid?.() !== 0) {
  console.error('machines are booted by root: run this as root')
  process.exit(1)
}
installTools()
for (const name of imageNames) ensureImage(name)
if (globSync('build/*.deb').length === 0) {
  execFileSync(process.execPath, ['scripts/package.ts'], { stdio: 'inherit' })
}
const given = process.argv.slice(2)
const flags = given.filter((argument) => argument.startsWith('-'))
const named = given.filter((argument) => !argument.startsWith('-'))
const files = named.length > 0 ? named : globSync('test/system/*.system.ts').sort()
const reporter = ['--test-reporter=./test/system/support/table.ts', '--test-reporter-destination=stdout']
const { status } = spawnSync(
  // What is mounted, every process and every network device is gone when this has ended, however it ended.
  'unshare',
  [
    ...['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'],
    ...[process.execPath, '--test', '--test-concurrency=2', ...reporter, ...flags, ...files],
  ],
  { stdio: 'inherit' },
)
process.exitCode = status ?? 1

function installTools(): void {
  const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin']
  const missing = Object.entries(tools).filter(
    ([program]) => !folders.some((folder) => existsSync(`${folder}/${program}`)),
  )
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  console.error(`installing ${packages.join(', ')}`)
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    execFileSync('apt-get', args, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }
}
