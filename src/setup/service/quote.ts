/**
 * How a word is quoted for each program that reads our files. These programs run as root, so only words that
 * one of these functions has quoted, or texts of our own (`ownText`), go into a template. A word that a
 * format cannot hold is refused, and never changed.
 */

import { KnownError } from '../../errors.ts'
import { isAccountId, isAccountName } from '../../text/account-name.ts'
import { quoteForShell } from '../../text/command-line.ts'
import { quotedForeignText, unprintable } from '../../text/printable.ts'

/** A text that is quoted for the file that it goes into. */
export type Quoted = string & { readonly isQuoted: true }

/** A text of our own, or one that is made of quoted ones. */
export function ownText(text: string): Quoted {
  return text as Quoted
}

/** The same for all values of a template that is rendered when the product is built. */
export function ownTexts(values: Readonly<Record<string, string>>): Readonly<Record<string, Quoted>> {
  return values as Readonly<Record<string, Quoted>>
}

/** A word that needs no quotes in any of these programs. */
const plain = /^[\w./:=@%+,-]+$/

/** A word of ExecStart= and the like; specifiers and variables in it are escaped (systemd.service(5)). */
export function systemdWord(word: string): Quoted {
  return ownText(systemdPath(word).replaceAll('$', '$$$$'))
}

/** A word where specifiers are expanded and variables are not, such as ReadWritePaths= (systemd.unit(5)). */
export function systemdPath(word: string): Quoted {
  requirePrintable(word, 'a unit of systemd')
  const text = word.replaceAll('%', '%%')
  return ownText(plain.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`)
}

/** A word of a POSIX shell. */
export function shellWord(word: string): Quoted {
  requirePrintable(word, 'a script of the shell')
  return ownText(quoteForShell(word))
}

/** A user or group, for formats without quotes: User= of systemd, tmpfiles.d(5), logrotate(8). */
export function accountWord(name: string): Quoted {
  if (!isAccountName(name) && !isAccountId(name)) throw unquotable(name, 'a file of another program, as an account')
  return ownText(name)
}

/**
 * A string of Monit, in quotes: without them Monit reads `( ) , ;` as white space, so that a word could become
 * whole statements. Monit has no escape character.
 */
export function monitString(text: string): Quoted {
  requireNone(/["\\]/, text, 'a file of Monit')
  return ownText(`"${text}"`)
}

/** A command in a file of Monit: Monit splits it at blanks, whatever quotes are in it. */
export function monitCommand(words: readonly string[]): Quoted {
  for (const word of words) if (!plain.test(word)) throw unquotable(word, 'a command in a file of Monit')
  return monitString(words.join(' '))
}

/** A script of ours as a command in a file of Monit; single quotes keep it one word. */
export function monitScript(script: string): Quoted {
  requireNone(/'/, script, 'a command in a file of Monit')
  return monitString(`/bin/sh -c '${script}'`)
}

/** A path of logrotate. Even in quotes it is a pattern of glob(7), so wildcards are refused. */
export function logrotatePath(path: string): Quoted {
  requireNone(/["\\*?[\]{}]/, path, 'a file of logrotate')
  return ownText(plain.test(path) ? path : `"${path}"`)
}

/** @param refused characters that the format cannot hold */
function requireNone(refused: RegExp, word: string, place: string): void {
  requirePrintable(word, place)
  if (refused.test(word)) throw unquotable(word, place)
}

/** Refuses line feeds, control characters and invisible characters. */
function requirePrintable(word: string, place: string): void {
  if (unprintable.test(word)) throw unquotable(word, place)
}

function unquotable(word: string, place: string): KnownError {
  const message = `${quotedForeignText(word)} cannot be written into ${place}`
  return new KnownError('configuration', message, 'use a name of letters, digits and . _ - / only')
}
