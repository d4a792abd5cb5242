/**
 * The single executable: both programs in one file, told apart by the name it is called with. It does
 * what bin/frameworkd.js and bin/frameworkd-setup.js do.
 */
import { basename } from 'node:path'
import { endWith } from '../../bin/run-program.js'

// Node's default for SIGUSR1 opens its inspector. The build switches that off, and this keeps the signal from ending us.
process.on('SIGUSR1', () => {})

void start(basename(process.argv0), process.argv.slice(2))

async function start(name: string, argv: readonly string[]): Promise<void> {
  if (name === 'frameworkd') {
    // What asks a daemon to read its settings or open its logs anew must not end one that is about to.
    if (argv.includes('run')) process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})
    const { main } = await import('./frameworkd.ts')
    return endWith(main)
  }
  if (name === 'frameworkd-setup') {
    const { main } = await import('./setup.ts')
    return endWith(main)
  }
  process.stderr.write(`${name}: this is frameworkd or frameworkd-setup\nhint: call it by one of these names\n`)
  process.exitCode = 2
}
