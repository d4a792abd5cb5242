import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Ended, ended, type Program, programFile } from '../programs.ts'

const collection = fileURLToPath(new URL('../../../ansible', import.meta.url))

/** What a play says of one machine. */
interface PlayRecap {
  ok: number
  changed: number
  failures: number
  unreachable: number
}

/** The result of one task on one machine, as the module returned it. */
type TaskResult = Record<string, unknown> & {
  changed?: boolean
  failed?: boolean
  msg?: string
  rc?: number
  warnings?: string[]
}

/** A play that has ended. */
export interface Play extends Ended {
  stats: Readonly<Record<string, PlayRecap>>
  /** What the last task named so returned, by machine. */
  results(task: string): Readonly<Record<string, TaskResult>>
}

/** A line of results.py. */
interface Told {
  task?: string
  host?: string
  result?: TaskResult
  stats?: Record<string, PlayRecap>
}

/** Ansible with the collection of this checkout, and a folder of its own for all that it writes. */
export class Ansible implements Disposable {
  readonly folder: string

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'frameworkd-ansible-'))
    mkdirSync(join(this.folder, 'ansible_collections/frameworkd'), { recursive: true })
    symlinkSync(collection, join(this.folder, 'ansible_collections/frameworkd/ossim'))
    mkdirSync(join(this.folder, 'bin'))
  }

  /** Has modules that run on this machine find our programs. */
  installPrograms(): void {
    for (const name of ['frameworkd', 'frameworkd-setup'] satisfies Program[]) {
      const script = `#!/bin/sh\nexec ${process.execPath} ${programFile(name)} "$@"\n`
      writeFileSync(join(this.folder, 'bin', name), script, { mode: 0o755 })
    }
  }

  /** @param value is written as JSON, which is YAML */
  write(name: string, value: unknown): string {
    const path = join(this.folder, name)
    writeFileSync(path, JSON.stringify(value))
    return path
  }

  async run(program: 'ansible-doc' | 'ansible-playbook', args: readonly string[]): Promise<Ended> {
    const { folder } = this
    return ended(
      spawn(program, [...args], {
        env: {
          PATH: `${folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
          HOME: folder,
          LANG: 'C.UTF-8',
          ANSIBLE_HOME: `${folder}/home`,
          ANSIBLE_COLLECTIONS_PATH: folder,
          ANSIBLE_LOCAL_TEMP: `${folder}/local`,
          ANSIBLE_REMOTE_TMP: `${folder}/remote`,
          ANSIBLE_CALLBACK_PLUGINS: fileURLToPath(new URL('.', import.meta.url)),
          ANSIBLE_STDOUT_CALLBACK: 'results',
          ANSIBLE_HOST_KEY_CHECKING: 'False',
          ANSIBLE_PIPELINING: 'True',
          ANSIBLE_FORKS: '10',
          PYTHONDONTWRITEBYTECODE: '1',
        },
        stdio: 'pipe',
      }),
    )
  }

  async play(inventory: string, playbook: string, args: readonly string[] = []): Promise<Play> {
    const run = await this.run('ansible-playbook', ['-i', inventory, playbook, ...args])
    const told = run.stdout
      .split('\n')
      .filter((line) => line.startsWith('{"'))
      .map((line) => JSON.parse(line) as Told)
    const { stats } = told.at(-1) ?? {}
    if (!stats) throw new Error(`no play: ${run.stdout}${run.stderr}`)
    const results = (name: string) =>
      Object.fromEntries(told.filter(({ task }) => task === name).map(({ host, result }) => [host, result ?? {}]))
    return { ...run, stats, results }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}
