/**
 * What the programs may load on their way to what they do most often. A module more is time that
 * every run pays (docs/performance.md): before a name is added here, `npm run bench` has its say.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire, isBuiltin } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Program, programFile } from './support/programs.ts'
import { Sandbox, type StoreKind } from './support/sandbox.ts'

const hook = fileURLToPath(new URL('support/loaded-modules.cjs', import.meta.url))

interface Loaded {
  /** Modules of Node that a bare one has not. */
  builtins: string[]
  /** Packages. */
  packages: string[]
}

/** What loading the bundle takes. */
const loading = ['vm', 'sea']
const streams = ['net', 'stream', 'stream/promises', 'string_decoder']
/** The lock: the C library's, where Node can call it, or flock(1). */
const locking = isBuiltin('node:ffi') ? ['ffi'] : ['child_process', 'dgram', ...streams]
/** And a run that finds nothing to do. */
const running = [...loading, ...locking, 'timers/promises']
const connecting = [...streams, 'dns', 'fs/promises', 'events', 'readline']
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
}

function partsOfMysql2(): string[] {
  const { dependencies } = createRequire(import.meta.url)('mysql2/package.json') as { dependencies: object }
  return [...Object.keys(dependencies), 'is-property', 'safer-buffer']
}

for (const [what, { program, args, store, builtins, packages }] of Object.entries(starts)) {
  test(`${what} loads no module that is not on its list`, async () => {
    await using sandbox = store ? await Sandbox.create(store) : undefined
    const ended = await sandbox?.setup()
    assert.equal(ended?.code ?? 0, 0, String(ended?.stderr))
    const all = [...args, ...(sandbox ? ['--root', sandbox.root] : [])]
    const fromSource = loadedBy([fileURLToPath(new URL(`../bin/${program}.js`, import.meta.url)), ...all])
    const fromBundle = loadedBy([programFile(program), ...all])
    assert.deepEqual(
      fromBundle.builtins.filter((name) => !builtins.includes(name)),
      [],
      'modules of Node, in the bundle',
    )
    const others = fromSource.packages.filter((name) => !packages.includes(name))
    assert.deepEqual(others, [], 'packages, from source')
  })
}

function loadedBy(command: string[]): Loaded {
  const bare = report(['-e', '0']).builtins
  const { builtins, files } = report(command)
  const packages = files.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  return { builtins: builtins.filter((name) => !bare.includes(name)), packages: [...new Set(packages)] }
}

function report(args: string[]): { builtins: string[]; files: string[] } {
  const { status, output, stderr } = spawnSync(process.execPath, ['--require', hook, ...args], {
    // A pipe of Node's is a socket, which takes streams.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '' },
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(String(output[3]))
}
