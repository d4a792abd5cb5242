import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runFolder } from './run-folder.ts'

/**
 * Control groups of a machine's own, one in each hierarchy that systemd uses: two machines in one
 * group would take each other's services for their own.
 */
export class ControlGroup implements Disposable {
  readonly #folders: readonly string[]

  constructor() {
    this.#folders = groupsOfRun(runFolder()).map((group) => {
      mkdirSync(group, { recursive: true })
      return mkdtempSync(join(group, 'machine-'))
    })
  }

  /** Files that a process writes its pid into to join. */
  get entrances(): string[] {
    return this.#folders.map((folder) => join(folder, 'cgroup.procs'))
  }

  /** To be called when nothing runs in it. */
  [Symbol.dispose](): void {
    for (const folder of this.#folders) removeGroup(folder)
  }
}

/** Removes what a run has left, when all that it started is gone. */
export function removeGroupsOfRun(folder: string): void {
  for (const group of groupsOfRun(folder)) if (existsSync(group)) removeGroup(group)
}

function groupsOfRun(folder: string): string[] {
  return hierarchies().map((hierarchy) => join(hierarchy, basename(folder)))
}

/** One with cgroup v2, two with v1 (cgroups(7)). */
function hierarchies(): string[] {
  const top = '/sys/fs/cgroup'
  if (existsSync(`${top}/cgroup.procs`)) return [top]
  return ['systemd', 'unified'].map((name) => join(top, name)).filter((folder) => existsSync(folder))
}

function removeGroup(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(folder, entry.name))
  }
  rmdirSync(folder)
}
