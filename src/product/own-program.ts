import { spawn } from 'node:child_process'
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

/**
 * Runs one of the two programs to its end. What it says to people on standard error they see; the rest is dropped.
 * @param environment what it gets; ours where that is left out
 * @returns its exit code; undefined when a signal ended it
 */
export async function runOwnProgram(
  name: ProgramName,
  args: readonly string[],
  signal: AbortSignal,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number | undefined> {
  const [program, ...first] = ownCommand(name)
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const child = spawn(program, [...first, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    signal,
    env: environment,
  })
  child.once('error', reject).once('close', (code) => resolve(code ?? undefined))
  try {
    return await promise
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
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
