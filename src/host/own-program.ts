import { existsSync } from 'node:fs'
import { isSea } from 'node:sea'
import { fileURLToPath } from 'node:url'

export type ProgramName = 'frameworkd' | 'frameworkd-setup'

/**
 * The command line that starts one of the two programs from where this one is installed: the single
 * executable beside ours, or our Node with the script above the sources or the bundle.
 */
export function ownCommand(name: ProgramName): [program: string, ...args: string[]] {
  return isSea() ? [executable(name)] : [process.execPath, beside(`bin/${name}.js`)]
}

/** The files of the daemon that an update of the product exchanges. */
export function daemonFiles(): string[] {
  return isSea() ? [executable('frameworkd')] : [beside('bin/frameworkd.js'), beside('package.json')]
}

function executable(name: ProgramName): string {
  return process.execPath.replace(/[^/]*$/, name)
}

/** A file of our package, which lies above the sources and above the bundle. */
function beside(path: string): string {
  const candidates = ['../', '../../'].map((up) => fileURLToPath(new URL(up + path, import.meta.url)))
  const found = candidates.find((candidate) => existsSync(candidate))
  if (found === undefined) throw new Error(`${path} is missing beside the program`)
  return found
}
