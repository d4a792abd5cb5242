/**
 * Moves files of another program aside, so that they can be put back, and so that nothing is lost:
 *
 * 1. a path is recorded before it is touched; a later run that finds it in the record goes on with it
 * 2. the copy is complete at its new path, with owner and mode, before the old file is removed
 * 3. for a file of a package a diversion is added, so that dpkg puts its next version at the new path, too
 */
import { dirname } from 'node:path'
import { KnownError } from '../../errors.ts'
import { keepAside } from '../../host/files/keep-aside.ts'
import type { Host } from '../../host/host.ts'
import { commandLimitMs, whyCommandFailed } from '../../host/services/service-manager.ts'
import { paths, programs } from '../../paths.ts'
import { listMoved, type Origin, recordMoved } from '../service/installed.ts'

/** The path to which a file is moved. */
export function asideOf(path: string): string {
  return `${paths.movedAside}${path}`
}

/** Everything that was moved there, also what is not in the record. */
export function listAside(host: Host, folder: string = paths.movedAside): string[] {
  return host.files
    .list(folder)
    .map((name) => `${folder}/${name}`)
    .flatMap((path) => (host.files.stat(path)?.isDirectory() ? listAside(host, path) : [path]))
}

/** Moves one file or link aside. @param origin where it came from */
export function moveAside(host: Host, path: string, origin: Origin): void {
  const { files } = host
  recordMoved(host, path, listMoved(host).get(path) === 'package' ? 'package' : origin)
  const aside = asideOf(path)
  const target = files.readLink(path)
  const found = target === undefined ? files.read(path) : undefined
  const older = files.stat(aside)?.isFile() ? files.read(aside) : undefined
  if (older && !(found && older.bytes.equals(found.bytes)))
    keepAside(files, aside, 'replaced', older.bytes, { mode: 0o400 }, new Date())
  if (target !== undefined) files.writeLink(aside, target)
  else if (found) {
    if (files.readLink(aside) !== undefined) files.remove(aside)
    files.write(aside, found.bytes, { mode: found.stats.mode & 0o7777, owner: found.stats })
  }
  files.remove(path)
}

/**
 * Puts a file back, unless something else is at its path now.
 * @returns false where something is; the file stays aside then
 */
export function putBack(host: Host, path: string): boolean {
  const { files } = host
  const aside = asideOf(path)
  if (!files.stat(aside)) return true
  if (files.stat(path)) return false
  const target = files.readLink(aside)
  const found = target === undefined ? files.read(aside) : undefined
  if (target !== undefined) files.writeLink(path, target)
  else if (found) files.write(path, found.bytes, { mode: found.stats.mode & 0o7777, owner: found.stats })
  files.remove(aside)
  removeEmptyParents(host, aside)
  return true
}

function removeEmptyParents({ files }: Host, aside: string): void {
  for (let folder = dirname(aside); folder.startsWith(paths.movedAside); folder = dirname(folder)) {
    files.removeEmptyFolder(folder)
  }
}

/**
 * Which of these paths came from a package, by dpkg-query.
 * @param signal ends dpkg-query
 * @returns dpkg's name for each; empty where there is no dpkg, or where we may not run it
 * @throws KnownError `command-failed` where dpkg-query fails: we could not know then which files dpkg would install
 * again
 */
export async function findPackaged(
  host: Host,
  list: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const query = host.commands.find(programs.packageQuery)
  if (query === undefined || list.length === 0) return new Map()
  // dpkg-query reads them as patterns, and ends with 1 where one of them is in no package.
  const patterns = list.flatMap((path) => namesOf(host, path)).map((name) => name.replace(/[*?[\\]/g, '\\$&'))
  const result = await host.commands.run(query, ['--search', ...patterns], commandLimitMs, signal)
  if (result.timedOut || (result.exitCode !== 0 && result.exitCode !== 1)) {
    const hint = `try it: ${programs.packageQuery} --search ${list[0]}`
    throw new KnownError('command-failed', `${programs.packageQuery}: ${whyCommandFailed(result)}`, hint)
  }
  const lines = result.stdout.split('\n').filter((line) => !/^(local )?diver(sion|ted) /.test(line))
  const isListed = (name: string) => lines.some((line) => line.endsWith(`: ${name}`))
  return new Map(
    list.flatMap((path) =>
      namesOf(host, path)
        .filter(isListed)
        .map((name) => [path, name] as const),
    ),
  )
}

/**
 * The names that dpkg may have for a path: where /lib is a link to /usr/lib, a package may have its file by either
 * name.
 */
function namesOf({ files }: Host, path: string): string[] {
  const isMerged = path.startsWith('/usr/lib/') && files.readLink('/lib') !== undefined
  return isMerged ? [path, path.slice('/usr'.length)] : [path]
}

/**
 * The diversion of a path: dpkg's name for the file, and the path where dpkg puts it; undefined where there is none.
 */
export function diversionOf(host: Host, path: string): { name: string; to: string } | undefined {
  const lines = host.files.read(paths.diversions)?.bytes.toString('utf8').split('\n') ?? []
  const names = namesOf(host, path)
  const at = lines.findIndex((line, index) => index % 3 === 0 && names.includes(line))
  return at === -1 ? undefined : { name: lines[at] ?? path, to: lines[at + 1] ?? '' }
}

/** Adds a diversion, so that dpkg puts the next version of a file aside, too. */
export async function divert(host: Host, path: string, signal: AbortSignal): Promise<void> {
  const name = (await findPackaged(host, [path], signal)).get(path) ?? path
  await runDivert(host, ['--add', name], path, signal)
}

/** Removes that diversion. */
export async function endDiversion(host: Host, path: string, signal: AbortSignal): Promise<void> {
  await runDivert(host, ['--remove', diversionOf(host, path)?.name ?? path], path, signal)
}

/**
 * Runs dpkg-divert without renaming: we move the file. Before dpkg 1.19.1 there is no `--no-rename`; it is the
 * default there.
 */
async function runDivert(
  { commands }: Host,
  action: readonly string[],
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const program = commands.find(programs.divert)
  if (program === undefined)
    throw new KnownError('command-failed', `${programs.divert} cannot be run`, 'run it as root')
  const args = ['--local', '--divert', asideOf(path), ...action]
  const run = (word: readonly string[]) => commands.run(program, [...word, ...args], commandLimitMs, signal)
  const first = await run(['--no-rename'])
  const result = first.exitCode === 0 ? first : await run([])
  if (result.exitCode === 0) return
  const hint = `try it: ${programs.divert} ${args.join(' ')}`
  throw new KnownError('command-failed', `${programs.divert}: ${whyCommandFailed(result)}`, hint)
}
