import { isSea } from 'node:sea'
import { locatePackageFile } from './package.ts'

export type ProgramName = 'frameworkd' | 'frameworkd-setup'

/**
 * The command line that starts one of the two programs from where this one is installed: the single
 * executable beside ours, or our Node with the script above the sources or the bundle. Node is told to
 * leave SIGUSR1 alone from its first instruction: it would open its inspector. The executable is built so.
 */
export function ownCommand(name: ProgramName): [program: string, ...args: string[]] {
  return isSea() ? [executable(name)] : [process.execPath, '--disable-sigusr1', locatePackageFile(`bin/${name}.js`)]
}

/** The files of the daemon that an update of the product exchanges. */
export function daemonFiles(): string[] {
  return isSea()
    ? [executable('frameworkd')]
    : [locatePackageFile('bin/frameworkd.js'), locatePackageFile('package.json')]
}

function executable(name: ProgramName): string {
  return process.execPath.replace(/[^/]*$/, name)
}
