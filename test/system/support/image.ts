/** Debian systems as a fresh installation leaves them, cached outside the repository by what they are made of. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { extent } from '../../support/extent.ts'

const cache = '/var/cache/frameworkd-test'

/** What the tests use, and libatomic1, which our package depends on: the machines have no way to a mirror. */
const common = ['iproute2', 'libatomic1', 'logrotate', 'mariadb-server', 'monit', 'procps']
const systemd = ['dbus', 'systemd', 'systemd-sysv', ...common]
/** cloud-init, and what its modules look for whatever they are told. */
const cloud = ['cloud-init', 'locales', 'netbase', 'openssh-server']

const recipes = {
  bullseye: { suite: 'bullseye', packages: systemd },
  bookworm: { suite: 'bookworm', packages: systemd },
  trixie: { suite: 'trixie', packages: systemd },
  /** Reached by ssh, and managed by programs in Python. */
  fleet: { suite: 'bookworm', packages: [...systemd, 'openssh-server', 'python3', 'python3-apt'] },
  /** As a cloud has it. */
  'cloud-bookworm': { suite: 'bookworm', packages: [...systemd, ...cloud] },
  'cloud-trixie': { suite: 'trixie', packages: [...systemd, ...cloud] },
  /** As a registry has it, with what our package depends on. */
  container: { suite: 'trixie', packages: ['libatomic1', 'libstdc++6'] },
  'bookworm-sysv': { suite: 'bookworm', packages: ['initscripts', 'sysv-rc', 'sysvinit-core', ...common] },
} as const

export type ImageName = keyof typeof recipes

/** Those that a test file needs. */
export function imagesOf(file: string): ImageName[] {
  if (file.includes('sanity') || file.includes('galera')) return []
  // The second for its MariaDB.
  if (file.includes('container')) return ['container', 'trixie']
  if (file.includes('cloud-init')) return ['cloud-bookworm', 'cloud-trixie']
  if (file.startsWith('test/fleet/')) return ['fleet']
  if (file.includes('old-debian')) return ['bullseye']
  // The package is tried on the oldest one, too, where nothing is left out.
  return ['bookworm', 'trixie', 'bookworm-sysv', ...(extent === 'sample' ? [] : (['bullseye'] as const))]
}

/** Where the image is, whether or not it is built yet. */
export function imageFolder(name: ImageName): string {
  const hash = createHash('sha256').update(JSON.stringify(recipes[name])).digest('hex').slice(0, 12)
  return join(cache, `${name}-${hash}`)
}

/** Builds the image unless it is there, and removes those of older recipes. */
export function ensureImage(name: ImageName): void {
  const folder = imageFolder(name)
  if (existsSync(folder)) return
  const { suite, packages } = recipes[name]
  console.error(`building ${folder}`)
  mkdirSync(cache, { recursive: true })
  for (const entry of readdirSync(cache)) {
    if (entry.replace(/-[0-9a-f]{12}(\.new)?$/, '') === name) rmSync(join(cache, entry), { recursive: true })
  }
  const unfinished = `${folder}.new`
  const args = ['--quiet', '--variant=minbase', `--include=${packages.join(',')}`, ...proxyOptions()]
  // In namespaces of its own: what it mounts there is gone even where it is killed, and its folder can be removed.
  const alone = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc']
  const command = [...alone, 'mmdebstrap', ...args, suite, unfinished, mirror()]
  execFileSync('unshare', command, { stdio: ['ignore', 'ignore', 'inherit'] })
  renameSync(unfinished, folder)
}

/** Debian's archive as this machine's own apt is configured to reach it. */
export function mirror(): string {
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)'
  const targets = execFileSync('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    encoding: 'utf8',
  })
  // Debian-Security and the like have labels of their own.
  const found = /^Debian Debian (\S+)$/m.exec(targets)?.[1]
  if (!found) throw new Error('apt knows no Debian archive: run apt-get update')
  return found
}

export function proxyOptions(): string[] {
  const settings = execFileSync('apt-config', ['dump'], { encoding: 'utf8' })
  return settings
    .split('\n')
    .filter((line) => /^Acquire::(http|https)::Proxy/.test(line))
    .map((line) => `--aptopt=${line}`)
}
