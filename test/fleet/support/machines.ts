/** Many machines that are set up at once: a root each, and a process of the packaged program each. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, ended, type Program } from '../../support/programs.ts'
import { keyPath } from '../../support/sandbox.ts'
import { packageFile } from '../../system/support/appliance.ts'
import { runFolder } from '../../system/support/run-folder.ts'

/** What a machine met on its way, by what it says of a server that it passes over or waits for. */
const encounters = {
  '1047 (node without its cluster)': /is not ready/,
  '1180 (commit failed)': /the commit failed/,
  'connection lost': /connection was lost/,
  'connection refused': /connection refused/,
  'no answer in time': /no answer in time/,
  '1213 each time': /busy with a deadlock/,
}

export interface SetUp {
  code: number | null
  stderr: string
  key: string | undefined
}

/** The programs out of the Debian package. */
export class PackagedPrograms implements Disposable {
  readonly #folder: string

  constructor() {
    this.#folder = mkdtempSync(join(runFolder(), 'program-'))
    execFileSync('dpkg-deb', ['--extract', packageFile().replace('/packages', 'build'), this.#folder])
  }

  file(program: Program): string {
    return join(this.#folder, 'usr/lib/frameworkd', program)
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true })
  }
}

export class Machines implements Disposable {
  readonly #folder: string
  readonly #roots: readonly string[]
  readonly #processes: ChildProcess[] = []

  constructor(count: number) {
    this.#folder = mkdtempSync(join(runFolder(), 'machines-'))
    this.#roots = Array.from({ length: count }, (_, index) => {
      const root = join(this.#folder, `machine${index}`)
      mkdirSync(join(root, 'etc/ossim/framework'), { recursive: true })
      writeFileSync(join(root, 'etc/passwd'), 'www-data:x:33:33::/:/bin/sh\n')
      writeFileSync(join(root, 'etc/group'), 'www-data:x:33:\n')
      return root
    })
  }

  /** Those that are still at work. */
  get running(): number {
    return this.#processes.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).length
  }

  /**
   * Starts setup on each of them, one process after the other without a pause between.
   * @param flags of the machine with this number
   * @returns how each of them ended
   */
  setUp(programs: PackagedPrograms, flags: (index: number) => readonly string[]): Promise<SetUp[]> {
    const runs = this.#roots.map(async (root, index): Promise<SetUp> => {
      const args = ['--non-interactive', '--root', root, ...flags(index)]
      const { code, stderr } = await this.#run([programs.file('frameworkd-setup'), ...args])
      return { code, stderr, key: code === 0 ? keyIn(root) : undefined }
    })
    return Promise.all(runs)
  }

  /** What the daemon of one machine says of its start. @param host another server than the one it was set up with */
  verify(programs: PackagedPrograms, index: number, host: string): Promise<Ended> {
    const root = this.#roots[index] ?? ''
    return this.#run([programs.file('frameworkd'), 'verify', '--root', root], { FRAMEWORKD_DB_HOST: host })
  }

  /** With less priority than the servers have. */
  #run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const child = spawn('nice', ['-n', '10', ...command], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#processes.push(child)
    return ended(child)
  }

  [Symbol.dispose](): void {
    for (const process of this.#processes) process.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true })
  }
}

/** How many of the machines met what, for the table; what none of them met is left out. */
export function encountersOf(runs: readonly SetUp[]): string {
  const counts = Object.entries(encounters).map(
    ([name, words]) => [name, runs.filter(({ stderr }) => words.test(stderr)).length] as const,
  )
  const met = counts.filter(([, times]) => times > 0).map(([name, times]) => `${name}: ${times}`)
  return `machines that met ${met.join(', ') || 'nothing'}`
}

/** @returns undefined where a row has put it in another place */
function keyIn(root: string): string | undefined {
  const file = join(root, keyPath)
  return existsSync(file) ? /^key=(.*)$/m.exec(readFileSync(file, 'latin1'))?.[1] : undefined
}
