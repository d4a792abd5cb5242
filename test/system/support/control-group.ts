import { existsSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Control groups of a machine's own, one in each hierarchy that systemd uses: two machines in one
 * group would take each other's services for their own.
 */
export class ControlGroup implements Disposable {
  readonly #folders: readonly string[]

  constructor() {
    this.#folders = hierarchies().map((hierarchy) => mkdtempSync(join(hierarchy, 'frameworkd-test-')))
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
