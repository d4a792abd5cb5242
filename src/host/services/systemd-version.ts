import type { Host } from '../host.ts'

/** Where distributions keep the private library of systemd; Debian since trixie in a folder of the architecture. */
const folders = ['/lib/systemd', '/usr/lib/systemd', '/usr/lib64/systemd'] as const
const libraries = '/usr/lib'

/**
 * The version of the installed systemd, from the name of its private library (`libsystemd-shared-252.so`).
 * That works in a tree, too, whose programs cannot be run here. Where there are two, as in the middle of an upgrade,
 * the older one is returned.
 * @returns undefined where no such library is found (systemd before 231 has none)
 */
export function findSystemdVersion({ files }: Host): number | undefined {
  const architectures = files.list(libraries).filter((name) => /-linux-/.test(name))
  const names = [...folders, ...architectures.map((name) => `${libraries}/${name}/systemd`)].flatMap((folder) =>
    files.list(folder),
  )
  const versions = names.flatMap((name) => /^libsystemd-shared-(\d+)/.exec(name)?.[1] ?? []).map(Number)
  return versions.length === 0 ? undefined : Math.min(...versions)
}
