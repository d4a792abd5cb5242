/**
 * What the programs may load on their way to what they do most often. A module more is time that
 * every run pays (docs/performance.md): before a name is added here, `npm run bench` has its say.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire, isBuiltin } from 'node:module'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { provisioned } from './support/daemon.ts'
import { someOf } from './support/extent.ts'
import { freePort } from './support/mariadb.ts'
import { type Program, programFile } from './support/programs.ts'
import type { StoreKind } from './support/sandbox.ts'

const hook = fileURLToPath(new URL('support/loaded-modules.cjs', import.meta.url))

/** Types need not be stripped again: what is looked at of a program from source is its packages. */
const readyModules = fileURLToPath(new URL('support/ready-modules.cjs', import.meta.url))

interface Loaded {
  /** Modules of Node that a bare one has not. */
  builtins: string[]
  /** Packages. */
  packages: string[]
  /** Parts of the bundle that came without a code cache that V8 takes. */
  compiled: string[]
}

/** What loading the bundle takes. */
const loading = ['vm', 'sea']
const streams = ['net', 'stream', 'stream/promises', 'string_decoder']
/** The lock: the C library's, where Node can call it, or flock(1). */
const locking = isBuiltin('node:ffi') ? ['ffi'] : ['child_process', 'dgram', ...streams]
/** And a run that finds nothing to do. */
const running = [...loading, ...locking, 'timers/promises']
const connecting = [...streams, 'dns', 'fs/promises', 'events', 'readline']
/** Node's own server brings these. */
const serving = [...streams, 'cluster', 'child_process', 'dgram', 'dns', 'perf_hooks']
const ownPackages = ['@noble/hashes', 'fastest-levenshtein', 'ini']

interface Start {
  program: Program
  args: string[]
  store?: StoreKind
  builtins: string[]
  packages: string[]
}

const starts: Record<string, Start> = {
  'frameworkd --version': {
    program: 'frameworkd',
    args: ['--version'],
    builtins: loading,
    packages: ['fastest-levenshtein'],
  },
  'frameworkd-setup --version': {
    program: 'frameworkd-setup',
    args: ['--version'],
    builtins: loading,
    packages: ['fastest-levenshtein'],
  },
  'a converged run on SQLite': {
    program: 'frameworkd-setup',
    args: ['--non-interactive'],
    store: 'sqlite',
    builtins: [...running, 'sqlite'],
    packages: ownPackages,
  },
  'a converged run on MariaDB': {
    program: 'frameworkd-setup',
    args: ['--non-interactive'],
    store: 'mysql',
    builtins: [...running, ...connecting, 'process'],
    // From source mysql2 loads all that it has; the bundle's share of it is seen in the modules of Node.
    packages: [...ownPackages, 'mysql2', ...partsOfMysql2()],
  },
  'a daemon on SQLite': {
    program: 'frameworkd',
    args: ['run', '--port', String(await freePort())],
    store: 'sqlite',
    builtins: [...running, ...serving, 'sqlite'],
    packages: ownPackages,
  },
  'a daemon on MariaDB': {
    program: 'frameworkd',
    args: ['run', '--port', String(await freePort())],
    store: 'mysql',
    builtins: [...running, ...serving, ...connecting, 'process'],
    packages: [...ownPackages, 'mysql2', ...partsOfMysql2()],
  },
}

function partsOfMysql2(): string[] {
  const { dependencies } = createRequire(import.meta.url)('mysql2/package.json') as { dependencies: object }
  return [...Object.keys(dependencies), 'is-property', 'safer-buffer']
}

const bare = new Set((await report(['-e', '0'])).builtins)

for (const [what, { program, args, store, builtins, packages }] of someOf(Object.entries(starts), 3)) {
  test(`${what} loads no module that is not on its list, and compiles nothing`, async () => {
    await using sandbox = store ? await provisioned(store) : undefined
    const all = [...args, ...(sandbox ? ['--root', sandbox.root] : [])]
    const source = fileURLToPath(new URL(`../bin/${program}.js`, import.meta.url))
    const fromSource = await loadedBy(['--require', readyModules, source, ...all])
    const fromBundle = await loadedBy([programFile(program), ...all])
    assert.deepEqual(
      fromBundle.builtins.filter((name) => !builtins.includes(name)),
      [],
      'modules of Node, in the bundle',
    )
    const others = fromSource.packages.filter((name) => !packages.includes(name))
    assert.deepEqual(others, [], 'packages, from source')
    assert.deepEqual(fromBundle.compiled, [], 'parts without a code cache')
  })
}

async function loadedBy(command: string[]): Promise<Loaded> {
  const { builtins, files, compiled } = await report(command)
  const packages = files.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  return { builtins: builtins.filter((name) => !bare.has(name)), packages: [...new Set(packages)], compiled }
}

/** A daemon is ended as soon as it serves. */
async function report(args: string[]): Promise<{ builtins: string[]; files: string[]; compiled: string[] }> {
  const child = spawn(process.execPath, ['--require', hook, ...args], {
    // A pipe of Node's is a socket, which takes streams.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', TEST_READY_MODULES: process.env.TEST_READY_MODULES ?? '' },
  })
  const told = child.stdio[3] as Readable
  told.setEncoding('utf8')
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr += text
    if (stderr.includes('Listening on')) child.kill('SIGTERM')
  })
  const [pieces, [code]] = await Promise.all([told.toArray(), once(child, 'exit')])
  assert.equal(code, 0, stderr)
  return JSON.parse(pieces.join(''))
}
