/**
 * How a word is written for each program that reads what we write. Its readers run as root, so nothing
 * goes into a template but what one of these has quoted, or what is a text of our own (`ours`); what a
 * format cannot hold is refused, and never mangled.
 */

import { KnownError } from '../../errors.ts'
import { isAccountId, isAccountName } from '../../text/account-name.ts'
import { quoteForShell } from '../../text/command-line.ts'
import { quotedForeignText, unprintable } from '../../text/printable.ts'

/** A text that is safe where it is put. */
export type Quoted = string & { readonly isQuoted: true }

/** A text of our own, or one that is made of quoted ones. */
export function ours(text: string): Quoted {
  return text as Quoted
}

/** The same for all values of a template that is filled where the product is built. */
export function allOurs(values: Readonly<Record<string, string>>): Readonly<Record<string, Quoted>> {
  return values as Readonly<Record<string, Quoted>>
}

/** Means the same to every program here. */
const plain = /^[\w./:=@%+,-]+$/

/** A word of ExecStart= and the like: specifiers and variables are taken literally (systemd.service(5)). */
export function systemdWord(word: string): Quoted {
  return ours(systemdPath(word).replaceAll('$', '$$$$'))
}

/** A word where specifiers are expanded and variables are not, such as ReadWritePaths= (systemd.unit(5)). */
export function systemdPath(word: string): Quoted {
  requirePrintable(word, 'a unit of systemd')
  const text = word.replaceAll('%', '%%')
  return ours(plain.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`)
}

/** A word of a POSIX shell. */
export function shellWord(word: string): Quoted {
  requirePrintable(word, 'a script of the shell')
  return ours(quoteForShell(word))
}

/** A user or group, for whoever takes it as it stands: User= of systemd, tmpfiles.d(5), logrotate(8). */
export function accountWord(name: string): Quoted {
  if (!isAccountName(name) && !isAccountId(name)) throw unquotable(name, 'a file of another program, as an account')
  return ours(name)
}

/**
 * A string of Monit, in quotes: without them it takes `( ) , ;` as white space, so that a word could be
 * whole statements. It knows no escape.
 */
export function monitString(text: string): Quoted {
  requireNone(/["\\]/, text, 'a file of Monit')
  return ours(`"${text}"`)
}

/** The command of a Monit program: it is cut at blanks, whatever quotes are in it. */
export function monitCommand(words: readonly string[]): Quoted {
  for (const word of words) if (!plain.test(word)) throw unquotable(word, 'a command in a file of Monit')
  return monitString(words.join(' '))
}

/** A script of ours as the command of a Monit program; single quotes keep its blanks together. */
export function monitScript(script: string): Quoted {
  requireNone(/'/, script, 'a command in a file of Monit')
  return monitString(`/bin/sh -c '${script}'`)
}

/** A path of logrotate, in quotes: it is a pattern of glob(7) there all the same. */
export function logrotatePath(path: string): Quoted {
  requireNone(/["\\*?[\]{}]/, path, 'a file of logrotate')
  return ours(plain.test(path) ? path : `"${path}"`)
}

/** @param refused what the format has no way to write */
function requireNone(refused: RegExp, word: string, place: string): void {
  requirePrintable(word, place)
  if (refused.test(word)) throw unquotable(word, place)
}

/** No word of ours has a line feed, or what a reader takes for nothing. */
function requirePrintable(word: string, place: string): void {
  if (unprintable.test(word)) throw unquotable(word, place)
}

function unquotable(word: string, place: string): KnownError {
  const message = `${quotedForeignText(word)} cannot be written into ${place}`
  return new KnownError('configuration', message, 'use a name of letters, digits and . _ - / only')
}
