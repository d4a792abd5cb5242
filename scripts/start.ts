/**
 * `npm start`: shows the product's main job in a folder of its own. It sets ./sandbox up on the embedded
 * store, starts the daemon, pings it and stops it. It needs no root and no server, and asks nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'

const root = 'sandbox'
const readyLimitMs = 20_000

makeRoot()
await step('frameworkd-setup', ['--non-interactive', '--root', root, '--store', 'sqlite'])
const port = await freePort()
const daemon = start('frameworkd', ['run', '--root', root, '--port', String(port)], 'pipe')
try {
  await untilItListens(daemon)
  await step('frameworkd', ['ping', '--root', root, '--port', String(port)])
} finally {
  daemon.kill('SIGTERM')
}
const code = await exitCode(daemon)
if (code !== 0) throw new Error(`the daemon ended with ${code}`)
console.log(`
It works. Now try, on the same tree:

  # a second run shows changed=0
  npm start
  # what a run would change: nothing
  npx node bin/frameworkd-setup.js --root ${root} --check --diff
  # lose the key file: the key comes back from the row
  rm -f ${root}/etc/ossim/framework/db_encryption_key && npm start
  # everything else
  npx node bin/frameworkd-setup.js --help`)

/** Makes a tree with the only thing of an installed machine that is needed: an account, with the ids of the caller. */
function makeRoot(): void {
  if (existsSync(`${root}/etc/passwd`)) return
  mkdirSync(`${root}/etc`, { recursive: true, mode: 0o755 })
  writeFileSync(
    `${root}/etc/passwd`,
    `www-data:x:${process.getuid?.()}:${process.getgid?.()}:www-data:/var/www:/usr/sbin/nologin\n`,
  )
}

async function step(program: string, args: string[]): Promise<void> {
  console.log(`$ ${program} ${args.join(' ')}`)
  const code = await exitCode(start(program, args, 'inherit'))
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
}

function start(program: string, args: string[], stderr: 'inherit' | 'pipe'): ChildProcess {
  if (stderr === 'pipe') console.log(`$ ${program} ${args.join(' ')}`)
  const env = { PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`, TERM: process.env.TERM ?? 'dumb' }
  return spawn(process.execPath, [`bin/${program}.js`, ...args], { stdio: ['ignore', 'inherit', stderr], env })
}

/** Passes the daemon's lines on. */
async function untilItListens(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('the daemon did not listen in time')), readyLimitMs)
  child.once('exit', (ended) => reject(new Error(`the daemon ended with ${ended}`)))
  if (child.stderr) {
    createInterface(child.stderr).on('line', (line) => {
      console.log(`  ${line}`)
      if (line.includes('Listening on')) resolve()
    })
  }
  await promise.finally(() => clearTimeout(timer))
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve))
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 40003
}
