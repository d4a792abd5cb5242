/** Machines beside that of a sandbox, which share its database. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Ended, ended, programFile } from '../../support/programs.ts'
import { keyPath, type Sandbox } from '../../support/sandbox.ts'
import { start } from './start.ts'

/** @returns the roots of as many machines, on which nothing is set up */
export function makeMachines(sandbox: Sandbox, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const root = sandbox.path(`machine${index}`)
    mkdirSync(join(root, 'etc'), { recursive: true })
    copyFileSync(sandbox.path('/etc/passwd'), join(root, 'etc/passwd'))
    return root
  })
}

/** Runs frameworkd-setup on a root. */
export function setup(root: string, ...args: readonly string[]): Promise<Ended> {
  const fixed = ['--non-interactive', '--root', root]
  return ended(start([process.execPath, programFile('frameworkd-setup'), ...fixed, ...args]))
}

/** The key in the key file of a root. */
export function keyIn(root: string): string | undefined {
  return /^key=(.*)$/m.exec(readFileSync(join(root, keyPath), 'latin1'))?.[1]
}

/** The key file of a root, and all that is kept beside it. */
export function keyTexts(root: string): string[] {
  const folder = dirname(join(root, keyPath))
  if (!existsSync(folder)) return []
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
}
