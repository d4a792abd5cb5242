/**
 * Moves what is another program's aside, so that it can be put back, and so that nothing of it is lost:
 *
 * 1. a path is on record before it is touched; who finds it there goes on with it
 * 2. it is whole in its new place, with owner and mode, before it goes from the old one
 * 3. where a package brought it, dpkg is told that the package's file is there now: its next version goes there
 */
import { dirname } from 'node:path'
import { KnownError } from '../../errors.ts'
import { keepAside } from '../../host/files/keep-aside.ts'
import type { Host } from '../../host/host.ts'
import { orderLimitMs, whyOrderFailed } from '../../host/services/service-manager.ts'
import { paths, programs } from '../../paths.ts'
import { listMoved, type Origin, recordMoved } from '../service/installed.ts'

/** Where a path is kept. */
export function asideOf(path: string): string {
  return `${paths.movedAside}${path}`
}

/** All that is kept there, whatever the record says of it. */
export function listAside(host: Host, folder: string = paths.movedAside): string[] {
  return host.files
    .list(folder)
    .map((name) => `${folder}/${name}`)
    .flatMap((path) => (host.files.stat(path)?.isDirectory() ? listAside(host, path) : [path]))
}

/** Moves one file or link aside. @param origin who brought it */
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
 * Puts it back where nothing has taken its place.
 * @returns false where something has; it stays aside then
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
 * Which of these paths a package brought, by dpkg's own list.
 * @param signal ends the program that is asked
 * @returns the name that dpkg has for each; none where there is no dpkg, or where we may not run it
 * @throws KnownError `command-failed` where dpkg does not answer: nobody knows then what it would bring again
 */
export async function findPackaged(
  host: Host,
  list: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const query = host.commands.find(programs.packageQuery)
  if (query === undefined || list.length === 0) return new Map()
  // It takes them for patterns, and ends with 1 where one of them is in no package.
  const patterns = list.flatMap((path) => namesOf(host, path)).map((name) => name.replace(/[*?[\\]/g, '\\$&'))
  const result = await host.commands.run(query, ['--search', ...patterns], orderLimitMs, signal)
  if (result.timedOut || (result.exitCode !== 0 && result.exitCode !== 1)) {
    const hint = `try it: ${programs.packageQuery} --search ${list[0]}`
    throw new KnownError('command-failed', `${programs.packageQuery}: ${whyOrderFailed(result)}`, hint)
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

/** Where /lib is a link to /usr/lib, dpkg has a file there by the name that its package gave it. */
function namesOf({ files }: Host, path: string): string[] {
  const isMerged = path.startsWith('/usr/lib/') && files.readLink('/lib') !== undefined
  return isMerged ? [path, path.slice('/usr'.length)] : [path]
}

/** The name by which dpkg puts a file elsewhere, and where; undefined where it is as the package says. */
export function diversionOf(host: Host, path: string): { name: string; to: string } | undefined {
  const lines = host.files.read(paths.diversions)?.bytes.toString('utf8').split('\n') ?? []
  const names = namesOf(host, path)
  const at = lines.findIndex((line, index) => index % 3 === 0 && names.includes(line))
  return at === -1 ? undefined : { name: lines[at] ?? path, to: lines[at + 1] ?? '' }
}

/** Has dpkg put the next version of a file aside, too. */
export async function divert(host: Host, path: string, signal: AbortSignal): Promise<void> {
  const name = (await findPackaged(host, [path], signal)).get(path) ?? path
  await order(host, ['--add', name], path, signal)
}

/** The reverse. */
export async function endDiversion(host: Host, path: string, signal: AbortSignal): Promise<void> {
  await order(host, ['--remove', diversionOf(host, path)?.name ?? path], path, signal)
}

/** What is moved is moved by us. Before dpkg 1.19.1 it has no word for that, and does so without one. */
async function order({ commands }: Host, action: readonly string[], path: string, signal: AbortSignal): Promise<void> {
  const program = commands.find(programs.divert)
  if (program === undefined)
    throw new KnownError('command-failed', `${programs.divert} cannot be run`, 'run it as root')
  const args = ['--local', '--divert', asideOf(path), ...action]
  const run = (word: readonly string[]) => commands.run(program, [...word, ...args], orderLimitMs, signal)
  const first = await run(['--no-rename'])
  const result = first.exitCode === 0 ? first : await run([])
  if (result.exitCode === 0) return
  const hint = `try it: ${programs.divert} ${args.join(' ')}`
  throw new KnownError('command-failed', `${programs.divert}: ${whyOrderFailed(result)}`, hint)
}
