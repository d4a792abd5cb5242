/**
 * Runs the usual work of a bundle once, and writes V8's code cache of each pack to descriptor 3 (base64,
 * as JSON): a cache holds the functions that have run. Arguments: the folder of the bundles, the program.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bundle, openBundle } from '../bin/run-program.js'
import { answerAsServer } from './stub-server.ts'

const [outdir = '', program = ''] = process.argv.slice(2)
const root = mkdtempSync(join(tmpdir(), 'frameworkd-build-'))
const setupProgram = resolve('bin/frameworkd-setup.js')
const setupArguments = ['--non-interactive', '--root', root]
const keyFile = join(root, 'etc/ossim/framework/db_encryption_key')
try {
  mkdirSync(join(root, 'etc'))
  writeFileSync(join(root, 'etc/passwd'), `www-data:x:${process.getuid?.()}:${process.getgid?.()}::/:/bin/sh\n`)
  const bundle = openBundle(join(outdir, `${program}.bundle`))
  const { main } = bundle.load(`${program}.js`)
  for (const flag of ['--version', '--help']) await expect(0, main([flag]))
  for (const store of ['sqlite', 'mysql'] as const) {
    await using _server = await prepare(store)
    await (program === 'setup' ? expect(0, main(setupArguments)) : serveOnce(main))
  }
  // The rest is loaded and not run: the wizard's first question is 10 ms earlier by that.
  for (const pack of bundle.packs) if (!bundle.scripts.has(pack)) bundle.load(pack)
  writeFileSync(3, JSON.stringify(Object.fromEntries(cachesOf(bundle))))
} finally {
  rmSync(root, { recursive: true })
}

/** Prepares a machine that is set up: first with the embedded store, then with a stand-in for a server. */
async function prepare(store: 'sqlite' | 'mysql'): Promise<AsyncDisposable> {
  if (store === 'sqlite') {
    // Not with the bundle: the code of a first run would be in the cache, and every run would load it.
    const first = [setupProgram, ...setupArguments, '--store', 'sqlite']
    execFileSync(process.execPath, first, { stdio: ['ignore', 'ignore', 'inherit'] })
    return { async [Symbol.asyncDispose]() {} }
  }
  const key = /^key=(.*)$/m.exec(readFileSync(keyFile, 'latin1'))?.[1] ?? ''
  writeFileSync(join(root, 'etc/ossim/framework/ossim.conf'), 'ossim_user=nobody\nossim_pass=any\n', { mode: 0o640 })
  writeFileSync(join(root, 'etc/frameworkd/frameworkd.ini'), 'store=mysql\ndb-socket=/socket\n')
  return await answerAsServer(join(root, 'socket'), key)
}

/** Runs the daemon from its start to the first pong, and then to its end. */
async function serveOnce(main: Main): Promise<void> {
  const port = await freePort()
  let isServing = true
  const ending = main(['run', '--root', root, '--port', String(port)]).finally(() => {
    isServing = false
  })
  while (isServing && !(await answersPing(port))) await sleep(20)
  if (isServing) process.kill(process.pid, 'SIGTERM')
  await expect(0, ending)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

async function answersPing(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' }).end('ping\n')
  const text = await socket.toArray().catch(() => [])
  return text.length > 0
}

type Main = (argv: string[]) => Promise<number>

async function expect(code: number, ending: Promise<number>): Promise<void> {
  const found = await ending
  if (found !== code) throw new Error(`${program} ended with ${found}`)
}

function* cachesOf(bundle: InstanceType<typeof Bundle>): Iterable<[pack: string, base64: string]> {
  for (const [pack, script] of bundle.scripts) yield [pack, script.createCachedData().toString('base64')]
}
