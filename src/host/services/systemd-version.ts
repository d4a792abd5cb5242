import type { Host } from '../host.ts'

/** Where distributions keep what systemd's programs share; Debian in the last one since trixie. */
const folders = ['/lib/systemd', '/usr/lib/systemd', '/usr/lib64/systemd'] as const
const libraries = '/usr/lib'

/**
 * The version of the systemd that is installed, as its private library names it (`libsystemd-shared-252.so`):
 * that is seen in a tree, too, whose programs cannot be run here. Of two, as in the middle of an upgrade, the
 * older.
 * @returns undefined where there is none: before 231, or nothing that we know
 */
export function findSystemdVersion({ files }: Host): number | undefined {
  const architectures = files.list(libraries).filter((name) => /-linux-/.test(name))
  const names = [...folders, ...architectures.map((name) => `${libraries}/${name}/systemd`)].flatMap((folder) =>
    files.list(folder),
  )
  const versions = names.flatMap((name) => /^libsystemd-shared-(\d+)/.exec(name)?.[1] ?? []).map(Number)
  return versions.length === 0 ? undefined : Math.min(...versions)
}
