/**
 * Devices at every path that is read or written. To open one has effects by itself (a terminal is made,
 * a tape rewinds, a watchdog is armed), so none ever is, whoever named it.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { byExtent } from '../support/extent.ts'
import { ended, programFile } from '../support/programs.ts'
import { keyPath, Sandbox } from '../support/sandbox.ts'
import { start } from './support/start.ts'
import { needsStrace } from './support/strace.ts'
import { startTally } from './support/tally.ts'

const tally = startTally('devices')

const paths = [
  keyPath,
  '/etc/ossim/framework/ossim.conf',
  '/etc/ossim/framework/frameworkd.ini',
  '/etc/ossim/ossim_setup.conf',
  '/etc/alienvault/system-id',
  '/etc/machine-id',
  '/etc/passwd',
  '/etc/group',
  '/etc/logrotate.d/frameworkd',
  '/run/ossim-framework.pid',
  '/run/frameworkd/frameworkd.pid',
  '/run/frameworkd/lock',
  '/var/lib/frameworkd/machine-mark',
  '/var/lib/frameworkd/setup/installed.json',
  '/var/lib/frameworkd/setup/lock',
  '/var/lib/frameworkd/setup/result.json',
  '/var/lib/frameworkd/setup/waiting.json',
  '/var/lib/frameworkd/store/config.db',
  '/var/lib/frameworkd/store/config.db-journal',
  '/var/log/ossim/frameworkd.log',
]

/** Each path is tried with one of them in turn, with the first too where it is more than a sample, and with all in the long version. */
const verbs: readonly (readonly ['frameworkd' | 'frameworkd-setup', ...string[]])[] = [
  ['frameworkd-setup', 'apply', '--non-interactive', '--store', 'sqlite'],
  ['frameworkd-setup', 'check', '--non-interactive', '--store', 'sqlite'],
  ['frameworkd-setup', 'status'],
  ['frameworkd-setup', 'seal', '--yes', '--force'],
  ['frameworkd-setup', 'uninstall', '--purge', '--yes', '--force'],
  ['frameworkd', 'verify'],
  ['frameworkd', 'status'],
  ['frameworkd', 'stop'],
]

for (const [index, path] of paths.entries()) {
  const places = byExtent({
    long: [...verbs.keys()],
    all: [0, 1 + (index % (verbs.length - 1))],
    sample: [index % verbs.length],
  })
  const tried = verbs.filter((_, place) => places.includes(place))
  test(`a device at ${path} is never opened, by any verb`, needsStrace, async (t) => {
    for (const [program, ...args] of tried) {
      await using sandbox = await Sandbox.create('sqlite')
      const at = sandbox.path(path)
      rmSync(at, { force: true })
      mkdirSync(dirname(at), { recursive: true })
      try {
        // Terminals' own: every opening makes a new one.
        execFileSync('mknod', [at, 'c', '5', '2'], { stdio: 'ignore' })
      } catch {
        return t.skip('devices cannot be made here')
      }
      const opened = await openings([program, ...args, '--root', sandbox.root])
      assert.deepEqual(
        opened.filter((line) => !/O_PATH|O_DIRECTORY/.test(line)),
        [],
      )
      tally.add('devices at paths that are read or written', 1)
    }
  })
}

/** Every opening of the device, or try of one, as strace shows it: by what the descriptor is, or by where it was tried. */
async function openings([program, ...args]: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-trace-'))
  try {
    const trace = join(folder, 'trace')
    const options = ['-f', '-yy', '-o', trace, '-e', 'trace=open,openat,openat2']
    const file = programFile(program as 'frameworkd')
    await ended(start(['strace', ...options, process.execPath, file, ...args]))
    return readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => line.includes('<char 5:2>') || /\/proc\/self\/fd\/.* = -1 (ENOENT|ENXIO|EIO|EACCES)/.test(line))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
