import { KnownError } from '../errors.ts'
import type { Files } from './files.ts'
import type { Ids } from './look.ts'

/** An account of the target machine. */
export interface Account extends Ids {
  /** As it was asked for: `www-data`, `www-data:ossim`, `33:33`. */
  readonly text: string
}

/**
 * Resolves `USER[:GROUP]` by the target's own passwd and group (passwd(5), group(5)). Numbers are
 * taken as they are; the group of a user that is a number is that of its passwd entry.
 * @throws KnownError `missing-account`
 */
export function resolveAccount(files: Files, text: string): Account {
  const [user = '', group] = text.split(':', 2)
  const entries = readEntries(files, '/etc/passwd')
  const entry = isNumber(user)
    ? entries.find((fields) => fields[2] === user)
    : entries.find((fields) => fields[0] === user)
  if (!entry && !isNumber(user)) throw missing(files, `account ${user}`, '/etc/passwd')
  const uid = Number(entry?.[2] ?? user)
  if (group !== undefined) return { text, uid, gid: resolveGroup(files, group) }
  if (!entry) {
    throw new KnownError(
      'missing-account',
      `account ${user} is not in ${rooted(files, '/etc/passwd')}`,
      `name its group too: --owner ${user}:GROUP`,
    )
  }
  return { text, uid, gid: Number(entry[3]) }
}

/** User and group as the files of services name them: by name where there is one. */
export function accountNames(files: Files, { text, gid }: Account): { user: string; group: string } {
  const [user = '', group] = text.split(':', 2)
  const entry = readEntries(files, '/etc/group').find((fields) => fields[2] === String(gid))
  return { user, group: group ?? entry?.[0] ?? String(gid) }
}

function resolveGroup(files: Files, group: string): number {
  if (isNumber(group)) return Number(group)
  const entry = readEntries(files, '/etc/group').find((fields) => fields[0] === group)
  if (!entry) throw missing(files, `group ${group}`, '/etc/group')
  return Number(entry[2])
}

function readEntries(files: Files, path: string): string[][] {
  const text = files.read(path, { followLast: true })?.bytes.toString('utf8') ?? ''
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(':'))
}

function missing(files: Files, what: string, path: string): KnownError {
  const [kind, name] = what.split(' ')
  const command = kind === 'group' ? `addgroup --system ${name}` : `adduser --system --group --no-create-home ${name}`
  return new KnownError(
    'missing-account',
    `${what} is not in ${rooted(files, path)}`,
    `create it (${command}) or name another with --owner`,
  )
}

function rooted(files: Files, path: string): string {
  return files.tree.root === '/' ? path : `${files.tree.root}${path}`
}

/** An id as the kernel takes it: the highest of 32 bits means "none" (chown(2)). */
function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1
}
