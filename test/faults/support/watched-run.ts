/**
 * A run of one of the programs on a tree with canaries in it, and what it did to them: strace(1) sees
 * every open, a look before and after sees every change, and what was shown is looked at as a whole.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { password, type Sandbox } from '../../support/sandbox.ts'
import { start } from './start.ts'

/** Where the product may make, change and remove files; everything else is somebody else's. */
const ownPlaces = [
  /^\/etc\/ossim(\/framework(\/|$)|$)/,
  /^\/etc\/frameworkd(\/|$)/,
  /^\/var(\/(lib|log))?$/,
  /^\/var\/lib\/frameworkd(\/|$)/,
  /^\/var\/log\/ossim(\/|$)/,
  /^\/run(\/(frameworkd(\/|$)|ossim-framework\.pid$)|$)/,
  /^\/etc\/(alienvault\/system-id|machine-id)$/,
  /^\/etc\/(logrotate\.d|monit\/conf\.d|tmpfiles\.d|systemd\/system)(\/\.?frameworkd[^/]*|$)/,
  /^\/etc\/systemd\/system\/multi-user\.target\.wants(\/frameworkd[^/]*|$)/,
]

/** Files that nobody of ours has any business with, below the root and beside it. */
const canaryFiles = [
  '/etc/ld.so.preload',
  '/etc/shadow',
  '/etc/sudoers.d/x',
  '/etc/cron.d/x',
  '/etc/systemd/system/cron.service.d/x.conf',
  '/etc/ossim/agent.cfg',
  '/root/.ssh/authorized_keys',
  '/home/user/file',
  '/srv/canary',
]

/** The longest that a run may take: a wait for a lock, and then some, on a machine under load. */
const limitMs = 60_000
/** Of the program and all that it starts; bare Node has 45 MiB. */
const mostMemoryKiB = 200 * 1024

export interface WatchedRun {
  code: number | null
  /** Both outputs, the result on disk and the logs. */
  shown: string
  stderr: string
}

/** Canaries in and around a sandbox, and the state in which they have to stay. */
export class Canaries {
  readonly #sandbox: Sandbox
  /** Beside the root, where a path that leaves it would lead. */
  readonly outside: string
  #before: readonly string[] = []

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
    this.outside = `${sandbox.root}-outside`
    for (const path of canaryFiles) sandbox.write(path, `canary of ${path}\n`, 0o600)
    mkdirSync(this.outside, { recursive: true })
    writeFileSync(join(this.outside, 'canary'), 'canary\n', { mode: 0o600 })
    mkdirSync(sandbox.path('/dev'), { recursive: true })
    execFileSync('mkfifo', [sandbox.path('/dev/fifo')])
    // Reads as /dev/null does; that it is opened at all is what is watched for.
    if (process.getuid?.() === 0) execFileSync('mknod', [sandbox.path('/dev/canary'), 'c', '1', '3'])
  }

  remember(): void {
    this.#before = this.#look()
  }

  /** @throws AssertionError when one was changed, or something was made, outside of the product's places */
  requireUntouched(what: string): void {
    const now = this.#look()
    const changed = [
      ...now.filter((line) => !this.#before.includes(line)),
      ...this.#before.filter((line) => !now.includes(line)),
    ]
    assert.deepEqual(changed, [], what)
  }

  /** Whether a path, as the system knows it, is that of a canary. */
  has(path: string): boolean {
    const { root } = this.#sandbox
    if (path.startsWith(this.outside)) return true
    const inside = path.slice(root.length)
    // What lies where a row may name a key file is looked into: only so can it be told from one.
    return path.startsWith(`${root}/dev/`) || (canaryFiles.includes(inside) && !inside.startsWith('/etc/ossim/'))
  }

  #look(): string[] {
    const inside = listTree(this.#sandbox.root, (path) => ownPlaces.some((place) => place.test(path)))
    return [...inside, ...listTree(this.outside, () => false)]
  }

  [Symbol.dispose](): void {
    rmSync(this.outside, { recursive: true, force: true })
  }
}

/** Everything below a folder but our own places, into which nobody looks: the owner may be at work there. */
function listTree(root: string, isOwn: (path: string) => boolean, folder = ''): string[] {
  return readdirSync(join(root, folder))
    .sort()
    .map((name) => `${folder}/${name}`)
    .flatMap((path) => {
      const stats = lstatSync(root + path)
      const inner = stats.isDirectory() && !isLeftAlone.test(path) ? listTree(root, isOwn, path) : []
      return isOwn(path) ? inner : [lineOf(root + path, stats), ...inner]
    })
}

/** Folders that are ours as a whole. */
const isLeftAlone = /^\/(etc\/ossim\/framework|etc\/frameworkd|var\/lib\/frameworkd|var\/log\/ossim|run\/frameworkd)$/

function lineOf(path: string, stats: Stats): string {
  const content = stats.isFile() ? digest(readFileSync(path)) : stats.isSymbolicLink() ? readlinkSync(path) : ''
  const ofFile = stats.isFile() ? `${stats.nlink} ${stats.mtimeMs}` : ''
  return `${path} ${stats.mode} ${stats.uid} ${stats.gid} ${ofFile} ${content}`
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

/**
 * Runs a command and requires of it what holds for any input: it ends in time, without a bug, with a
 * known code and a hint where it fails, in bounded memory; no canary was opened or changed; and no
 * control character and no secret was shown.
 * @param secrets texts that must not be shown
 */
export async function runWatched(
  sandbox: Sandbox,
  canaries: Canaries,
  command: readonly string[],
  secrets: readonly string[],
  env: Record<string, string> = {},
): Promise<WatchedRun> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-watched-'))
  try {
    const [trace, memory] = [join(folder, 'trace'), join(folder, 'memory')]
    const strace = ['strace', '-f', '--seccomp-bpf', '-y', '-s', '4096', '-o', trace, '-e', 'trace=/^open,creat']
    const measured = ['python3', '-c', measureMemory, memory, ...strace, ...command]
    const before = writtenTexts(sandbox)
    const { code, stdout, stderr } = await runToEnd(measured, env)
    // What an attacker had put there is not what we wrote.
    const written = writtenTexts(sandbox).filter((text) => !before.includes(text))
    const shown = [stdout, stderr, ...written].join('\n')
    const what = `${command.join(' ')}: ${code}: ${stderr.slice(0, 2000)}`
    requireSound(code, shown, stderr, [...secrets, password], what)
    const opened = contentOpens(readFileSync(trace, 'latin1')).filter((path) => canaries.has(path))
    assert.deepEqual(opened, [], what)
    canaries.requireUntouched(what)
    assert.ok(
      Number(readFileSync(memory, 'utf8')) < mostMemoryKiB,
      `memory: ${readFileSync(memory, 'utf8')} KiB; ${what}`,
    )
    return { code, shown, stderr }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Runs a command, and writes the peak memory of what it started, in KiB (getrusage(2)). */
const measureMemory = `
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code if code >= 0 else 128 - code)
`

async function runToEnd(command: readonly string[], env: Record<string, string>) {
  const child = start([...command], env)
  const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
  child.stdout?.on('data', (data: Buffer) => chunks.stdout.push(data))
  child.stderr?.on('data', (data: Buffer) => chunks.stderr.push(data))
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, limitMs)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  const text = (name: 'stdout' | 'stderr') => Buffer.concat(chunks[name]).toString('utf8')
  assert.equal(isLate, false, `it does not end: ${command.join(' ')}: ${text('stderr')}`)
  return { code, stdout: text('stdout'), stderr: text('stderr') }
}

/** What a run leaves for others to read; whoever works there may have put something else in place. */
function writtenTexts(sandbox: Sandbox): string[] {
  return ['/var/lib/frameworkd/setup/result.json', '/var/log/ossim/frameworkd.log'].flatMap((path) => {
    try {
      const descriptor = openSync(sandbox.path(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      try {
        return fstatSync(descriptor).isFile() ? [readFileSync(descriptor, 'utf8')] : []
      } finally {
        closeSync(descriptor)
      }
    } catch {
      return []
    }
  })
}

const knownCodes = [0, 1, 2, 3, 4, 5, 75]
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

function requireSound(
  code: number | null,
  shown: string,
  stderr: string,
  secrets: readonly string[],
  what: string,
): void {
  assert.ok(knownCodes.includes(code ?? -1), what)
  assert.doesNotMatch(shown, /this is a bug|\n {4}at |"code":\s*"bug"|UnhandledPromise|node:internal/, what)
  assert.doesNotMatch(shown.replace(/[\n\t]/g, ''), unprintable, what)
  for (const secret of secrets) assert.ok(!shown.includes(secret), `a secret is shown: ${what}`)
  if (stderr.includes('frameworkd-setup: ')) assert.match(stderr, /\nhint: \S/, what)
}

/** The files that were opened for more than to be looked at, as strace tells them with -y. */
function contentOpens(trace: string): string[] {
  return [...trace.matchAll(/^\d+ +\w+\(.*?(O_[A-Z_|]+).*?\) = \d+<([^>]*)>/gm)]
    .filter(([, flags = '']) => !/O_PATH|O_DIRECTORY/.test(flags))
    .map(([, , path = '']) => path)
}
