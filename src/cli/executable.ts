/**
 * The single executable: both programs in one file, which looks at the name that it is called by. It does
 * what bin/frameworkd.js and bin/frameworkd-setup.js do, with their bundles as its own assets.
 */
import { basename } from 'node:path'
import { getRawAsset } from 'node:sea'
import { Bundle, endWith, leavePipeAlone, prepareDaemon } from '../../bin/run-program.js'

// Node's default for SIGUSR1 opens its inspector. The build switches that off, and this keeps the signal from ending us.
process.on('SIGUSR1', () => {})

start(basename(process.argv0), process.argv.slice(2))

function start(name: string, argv: readonly string[]): void {
  if (name === 'frameworkd') {
    if (argv.includes('run')) prepareDaemon()
    run('daemon')
  } else if (name === 'frameworkd-setup') {
    run('setup')
  } else {
    process.stderr.write(`${name}: this is frameworkd or frameworkd-setup\nhint: call it by one of these names\n`)
    process.exitCode = 2
  }
}

function run(program: string): void {
  leavePipeAlone()
  const name = `${program}.bundle`
  const bytes = Buffer.from(getRawAsset(name))
  const bundle = new Bundle(name, (at, length) => bytes.subarray(at, at + length))
  void endWith(bundle.load(`${program}.js`).main)
}
