/**
 * Has a bundle do its usual work once, and writes V8's code cache of each pack to descriptor 3 (base64,
 * as JSON): a cache holds what has run. Arguments: the folder of the bundles, the program.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Bundle, openBundle } from '../bin/run-program.js'
import { answerAsServer } from './stub-server.ts'

const [outdir = '', program = ''] = process.argv.slice(2)
const setupProgram = resolve('bin/frameworkd-setup.js')
const root = mkdtempSync(join(tmpdir(), 'frameworkd-build-'))
const keyFile = join(root, 'etc/ossim/framework/db_encryption_key')
try {
  mkdirSync(join(root, 'etc'))
  writeFileSync(join(root, 'etc/passwd'), `www-data:x:${process.getuid?.()}:${process.getgid?.()}::/:/bin/sh\n`)
  const bundle = openBundle(join(outdir, `${program}.bundle`))
  const { main } = bundle.load(`${program}.js`)
  for (const flag of ['--version', '--help']) await expect(0, main([flag]))
  if (program === 'setup') await setUp(main)
  writeFileSync(3, JSON.stringify(Object.fromEntries(cachesOf(bundle))))
} finally {
  rmSync(root, { recursive: true })
}

/** A run that changes nothing on the embedded store, then one on a stand-in of a server. */
async function setUp(main: Main): Promise<void> {
  const args = ['--non-interactive', '--root', root]
  // Not with the bundle: what only a first run needs would be in the cache, and every run would load it.
  const first = [setupProgram, ...args, '--store', 'sqlite']
  execFileSync(process.execPath, first, { stdio: ['ignore', 'ignore', 'inherit'] })
  await expect(0, main(args))
  const key = /^key=(.*)$/m.exec(readFileSync(keyFile, 'latin1'))?.[1] ?? ''
  await using _server = await answerAsServer(join(root, 'socket'), key)
  writeFileSync(join(root, 'etc/ossim/framework/ossim.conf'), 'ossim_user=nobody\nossim_pass=any\n', { mode: 0o640 })
  writeFileSync(join(root, 'etc/frameworkd/frameworkd.ini'), 'store=mysql\ndb-socket=/socket\n')
  await expect(0, main(args))
}

type Main = (argv: string[]) => Promise<number>

async function expect(code: number, ending: Promise<number>): Promise<void> {
  const found = await ending
  if (found !== code) throw new Error(`${program} ended with ${found}`)
}

function* cachesOf(bundle: InstanceType<typeof Bundle>): Iterable<[pack: string, base64: string]> {
  for (const [pack, script] of bundle.scripts) yield [pack, script.createCachedData().toString('base64')]
}
