import { spawn } from 'node:child_process'
import { isSea } from 'node:sea'
import { locatePackageFile } from './package.ts'

export type ProgramName = 'frameworkd' | 'frameworkd-setup'

/**
 * The command line that starts one of the two programs from where this one is installed: the single
 * executable beside ours, or our Node with the script above the sources or the bundle. Node gets the option to
 * ignore SIGUSR1 from its first instruction, which would open its inspector; the executable is built with that option.
 */
export function ownCommand(name: ProgramName): [program: string, ...args: string[]] {
  return isSea() ? [executable(name)] : [process.execPath, '--disable-sigusr1', locatePackageFile(`bin/${name}.js`)]
}

/**
 * Runs one of the two programs to its end. Its standard error goes to ours; its standard output is dropped.
 * @param environment its environment; ours by default
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

/** The files of the daemon that an update of the product replaces. */
export function daemonFiles(): string[] {
  return isSea()
    ? [executable('frameworkd')]
    : [locatePackageFile('bin/frameworkd.js'), locatePackageFile('package.json')]
}

function executable(name: ProgramName): string {
  return process.execPath.replace(/[^/]*$/, name)
}
