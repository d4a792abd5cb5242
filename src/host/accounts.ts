/**
 * Accounts of the target machine, from its own passwd and group files (passwd(5), group(5)). In an image a
 * stranger wrote these files: an id counts only where it is a number that the kernel takes, and a name is shown, or
 * written into files of other programs, only where it is a plain word.
 */

import { KnownError } from '../errors.ts'
import { isAccountId, isAccountName } from '../text/account-name.ts'
import type { Files } from './files/files.ts'
import type { Ids } from './files/look.ts'

/** An account of the target machine. */
export interface Account extends Ids {
  /** As it was asked for: `www-data`, `www-data:ossim`, `33:33`. */
  readonly text: string
}

const passwd = '/etc/passwd'
const group = '/etc/group'

/** Room for some hundred thousand accounts: a large site may have copied its directory service into these files. */
const limitBytes = 32 * 1024 * 1024

/**
 * Resolves `USER[:GROUP]`. Numbers are taken as they are; the group of a user that is a number is that
 * of its passwd entry.
 * @throws KnownError `missing-account`; `configuration` for what is no account's name
 */
export function resolveAccount(files: Files, text: string): Account {
  const [user = '', groupName, ...rest] = text.split(':')
  if (rest.length > 0 || ![user, groupName ?? 'none'].every((name) => isAccountName(name) || isAccountId(name)))
    throw noAccountName(text)
  const entry = findEntry(files, passwd, user)
  if (!entry && !isAccountId(user)) throw missingAccount(files, 'account', user)
  const uid = entry ? idOf(files, entry[2], passwd, `account ${user}`, 'user id') : Number(user)
  if (groupName !== undefined) return { text, uid, gid: resolveGroup(files, groupName) }
  if (!entry) {
    throw new KnownError(
      'missing-account',
      `account ${user} is not in ${files.tree.outside(passwd)}`,
      `name its group too: --owner ${user}:GROUP`,
    )
  }
  return { text, uid, gid: idOf(files, entry[3], passwd, `account ${user}`, 'group id') }
}

/** User and group for the files of services: the name where it is a plain word, else the number. */
export function accountNames(files: Files, { text, uid, gid }: Account): { user: string; group: string } {
  const [user = '', groupName] = text.split(':', 2)
  const name = groupName ?? findEntry(files, group, String(gid))?.[0] ?? ''
  return { user: isAccountName(user) ? user : String(uid), group: isAccountName(name) ? name : String(gid) }
}

function resolveGroup(files: Files, name: string): number {
  if (isAccountId(name)) return Number(name)
  const entry = findEntry(files, group, name)
  if (!entry) throw missingAccount(files, 'group', name)
  return idOf(files, entry[2], group, `group ${name}`, 'group id')
}

/** The first entry with this name or, for a number, with this id; as the C library finds it. */
function findEntry(files: Files, path: string, wanted: string): string[] | undefined {
  const text = files.read(path, { followLast: true, limitBytes })?.bytes.toString('utf8') ?? ''
  const isIt: (entry: string[]) => boolean = isAccountId(wanted)
    ? ([, , id = '']) => isAccountId(id) && Number(id) === Number(wanted)
    : ([name]) => name === wanted
  return text
    .split('\n')
    .find((line) => isIt(line.split(':')))
    ?.split(':')
}

/** @throws KnownError `missing-account` for what is no id: another program would read it as root's, or as none */
function idOf(files: Files, text: string | undefined, path: string, whose: string, what: string): number {
  if (text !== undefined && isAccountId(text)) return Number(text)
  throw new KnownError(
    'missing-account',
    `${whose} has no usable ${what} in ${files.tree.outside(path)}`,
    'mend its line in that file, or name another with --owner',
  )
}

function missingAccount(files: Files, kind: 'account' | 'group', name: string): KnownError {
  const command = kind === 'group' ? `addgroup --system ${name}` : `adduser --system --group --no-create-home ${name}`
  return new KnownError(
    'missing-account',
    `${kind} ${name} is not in ${files.tree.outside(kind === 'group' ? group : passwd)}`,
    `create it (${command}) or name another with --owner`,
  )
}

function noAccountName(text: string): KnownError {
  const shown = /^[\x20-\x7e]{0,64}$/.test(text) ? `'${text}'` : 'the text'
  return new KnownError('configuration', `owner: ${shown} names no account`, 'give USER or USER:GROUP with --owner')
}
