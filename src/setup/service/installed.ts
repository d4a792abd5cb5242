/**
 * Writes the files that apply installs from templates, and records them. A file is recorded before it is
 * written, with the hashes of its old and its new content: whichever of the two a crash
 * leaves is known as ours. A file that a person changed is shown in the diff, kept aside, and replaced.
 */
import type { Diff } from '../../engine/task.ts'
import { KnownError } from '../../errors.ts'
import type { FileChange } from '../../host/files/files.ts'
import { keepAside } from '../../host/files/keep-aside.ts'
import type { Host } from '../../host/host.ts'
import { paths } from '../../paths.ts'
import { unprintable } from '../../text/printable.ts'
import { sha256Hex } from '../../text/sha256.ts'

/** A file that belongs to us as a whole. */
export interface OwnFile {
  path: string
  text: string
  mode?: number
  /** Another program reads every file of its folder (logrotate hidden ones, too): a replaced file is kept elsewhere. */
  isInReadFolder?: true
}

/** The plan for some files. */
export interface FilesPlan {
  /** What to do, for people; empty when all is right. */
  readonly steps: readonly string[]
  readonly diff: readonly Diff[]
  readonly warnings: readonly string[]
  apply(): void
}

/** Where a file that was moved aside came from. The next version of a package would install its file again. */
export type Origin = 'package' | 'administrator'

interface InstalledRecord {
  /** By path, the SHA-256 of each text that we may have left there. */
  files: Record<string, string[]>
  links: string[]
  /** Files of another program that were moved aside, by path. */
  moved: Record<string, Origin>
}

/**
 * Plans how files are written and removed.
 * @param obsolete files that were ours once and are to be removed; one that a person changed is kept
 * @param toBeMoved paths whose files another task moves aside before these are written
 */
export function planFiles(
  host: Host,
  wanted: readonly OwnFile[],
  obsolete: readonly string[] = [],
  toBeMoved: readonly string[] = [],
): FilesPlan {
  const record = readRecord(host)
  const writes = wanted.map((file) => planWrite(host, file, record, toBeMoved)).filter((one) => one !== undefined)
  const removals = obsolete.filter((path) => isAsWritten(host, path, record))
  return {
    steps: [...writes.map(({ path }) => `write ${path}`), ...removals.map((path) => `remove ${path}`)],
    diff: writes.map(({ path, change, text, mode }) => ({
      path,
      before: shownText(change.before?.bytes.toString('utf8') ?? '', change.before?.stats.mode ?? mode),
      after: shownText(text, mode),
    })),
    warnings: writes
      .filter(({ isChanged, path }) => isChanged && !toBeMoved.includes(path))
      .map(
        ({ path, aside }) =>
          `${path} was not as frameworkd-setup had written it; the old file is kept ${where(path, aside)}`,
      ),
    apply() {
      for (const write of writes) applyWrite(host, write)
      for (const path of removals) {
        host.files.remove(path)
        forget(host, path)
      }
    },
  }
}

/** Every file and link that was recorded. */
export function listInstalled(host: Host): { files: string[]; links: string[] } {
  const { files, links } = readRecord(host)
  return { files: Object.keys(files), links }
}

/** The files that were moved aside, with their origin. */
export function listMoved(host: Host): ReadonlyMap<string, Origin> {
  return new Map(Object.entries(readRecord(host).moved))
}

/** Whether a recorded file holds what we wrote. */
export function isAsWritten(host: Host, path: string, record = readRecord(host)): boolean {
  const bytes = host.files.stat(path)?.isFile() ? host.files.read(path)?.bytes : undefined
  return bytes !== undefined && record.files[path]?.includes(digest(bytes)) === true
}

/** Called by a task that relies on the record. @throws KnownError `task-failed` where it is no JSON */
export function requireRecord(host: Host): void {
  try {
    JSON.parse(host.files.read(paths.setupInstalled)?.bytes.toString('utf8') ?? '{}')
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const hint = `what was moved aside is below ${paths.movedAside}; move the record away, then run again`
    throw new KnownError('task-failed', `${paths.setupInstalled} is no JSON`, hint, { cause: error })
  }
}

/** Records a link that enables a service. */
export function recordLink(host: Host, path: string): void {
  const record = readRecord(host)
  if (!record.links.includes(path)) writeRecord(host, { ...record, links: [...record.links, path] })
}

/** Records a file before it is moved aside. */
export function recordMoved(host: Host, path: string, origin: Origin): void {
  const record = readRecord(host)
  if (record.moved[path] !== origin) writeRecord(host, { ...record, moved: { ...record.moved, [path]: origin } })
}

const asideAttributes = { mode: 0o400, owner: { uid: 0, gid: 0 } }

function where(path: string, aside: string): string {
  return aside === path ? 'beside it' : `below ${paths.replaced}`
}

interface Write {
  path: string
  text: string
  mode: number
  /** The path where a replaced file is kept, without the time at its end. */
  aside: string
  change: FileChange
  /** The path holds a file that is not as we wrote it. */
  isChanged: boolean
}

function planWrite(
  host: Host,
  file: OwnFile,
  record: InstalledRecord,
  toBeMoved: readonly string[],
): Write | undefined {
  const { path, text, mode = 0o644, isInReadFolder } = file
  const attributes = { mode, owner: { uid: 0, gid: 0 } }
  // A link is moved as a link: the file that it leads to is not replaced.
  const isLinkToBeMoved = toBeMoved.includes(path) && host.files.readLink(path) !== undefined
  const change = isLinkToBeMoved
    ? { before: undefined, apply: () => host.files.write(path, Buffer.from(text), attributes) }
    : host.files.plan(path, text, attributes)
  if (!change) return undefined
  const before = change.before?.bytes
  const isRight = before === undefined || before.equals(Buffer.from(text))
  const aside = isInReadFolder ? `${paths.replaced}${path}` : path
  return { path, text, mode, aside, change, isChanged: !isRight && !isAsWritten(host, path, record) }
}

function applyWrite(host: Host, { path, text, aside, change, isChanged }: Write): void {
  const { before } = change
  if (isChanged && aside !== path) host.files.makePrivateFolder(paths.replaced)
  if (isChanged && before) keepAside(host.files, aside, 'replaced', before.bytes, asideAttributes, new Date())
  const ours = before && !isChanged ? [digest(before.bytes)] : []
  const record = readRecord(host)
  record.files[path] = [...new Set([...ours, digest(Buffer.from(text))])]
  writeRecord(host, record)
  change.apply()
}

/** The text of another program's file, for a diff; hidden where not everybody may read the file. */
export function shownText(text: string, mode: number): string {
  if (text !== '' && !isForAll(mode)) return '[hidden: not everybody may read this file]\n'
  return text.split('\n').map(hideSecret).join('\n')
}

function isForAll(mode: number): boolean {
  return (mode & 0o004) !== 0
}

/** The text before a secret: `password=`, `password "` (Monit), `--password `, and Monit's `allow NAME:`. */
const beforeSecret = [
  /^.*?(?:pass|secret|token|salt)[^=:]*[=:]/i,
  /^.*?(?:pass(?:word|wd|phrase)?|secret|token|salt)\s+(?=\S)/i,
  /^\s*allow\s+[^\s:]+:(?=\S)/i,
]

/** Hides the secret in a line: a person may have written a password into a unit. */
function hideSecret(line: string): string {
  const starts = beforeSecret.map((pattern) => pattern.exec(line)?.[0]).filter((start) => start !== undefined)
  const [first] = starts.sort((a, b) => a.length - b.length)
  return first === undefined ? line : `${first}[hidden]`
}

function forget(host: Host, path: string): void {
  const record = readRecord(host)
  delete record.files[path]
  writeRecord(host, record)
}

/** Reads the record; an invalid one counts as empty: then every file counts as changed, and is kept. */
function readRecord(host: Host): InstalledRecord {
  try {
    const found = JSON.parse(host.files.read(paths.setupInstalled)?.bytes.toString('utf8') ?? '{}')
    const files = Object.entries(found?.files ?? {}).filter(
      ([path, hashes]) => isPath(path) && isListOf(isHash, hashes),
    )
    const links = isListOf(isPath, found?.links) ? found.links : []
    const moved = Object.entries(found?.moved ?? {}).filter(([path, origin]) => isPath(path) && isOrigin(origin))
    return {
      files: Object.fromEntries(files) as InstalledRecord['files'],
      links,
      moved: Object.fromEntries(moved) as InstalledRecord['moved'],
    }
  } catch (error) {
    if (error instanceof SyntaxError) return { files: {}, links: [], moved: {} }
    throw error
  }
}

function isOrigin(value: unknown): value is Origin {
  return value === 'package' || value === 'administrator'
}

function isListOf(isOne: (value: unknown) => boolean, value: unknown): boolean {
  return Array.isArray(value) && value.every(isOne)
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/.*[^/]$/.test(value) && !unprintable.test(value)
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

function writeRecord(host: Host, record: InstalledRecord): void {
  const text = `${JSON.stringify({ version: 1, ...record }, undefined, 2)}\n`
  host.files.write(paths.setupInstalled, Buffer.from(text), { mode: 0o644 })
}

function digest(bytes: Buffer): string {
  return sha256Hex(bytes)
}
