/**
 * The gate for every text that reaches a terminal, a log or a file that others read. Texts of a server,
 * a peer, a file or another program are in them, so:
 *
 * 1. no control character gets out (an escape sequence would be the terminal's to obey), and none that
 *    changes the direction or the order of what is read; line feed and tab stay
 * 2. no key gets out, whoever brings it: what has the form of one is hidden
 *
 * Escapes are written as JSON writes them, so that a document of JSON stays one.
 */

/** Control characters, and what changes the order of a text, ends its line, or is not seen at all. */
export const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u
const everyUnprintable = new RegExp(unprintable.source, 'gu')
/** As key.ts has it, without its neighbours in a longer word. */
const keyLike = /[a-zA-Z0-9]{8}(?:-[a-zA-Z0-9]{4}){3}-[a-zA-Z0-9]{12}/g

/** More of a stranger's text helps nobody. */
const longest = 200

/** A text as it may be shown. */
export function printable(text: string): string {
  return text.replace(keyLike, '[hidden]').replace(everyUnprintable, escapeCharacter)
}

/** A text of somebody else, in one line and no longer than it is of use. */
export function foreignText(text: string): string {
  // What is hidden is hidden in the whole of it: a cut could leave half of a key.
  const shown = printable(text.trim().replace(/\s+/g, ' ').replace(secretAssignment, '$1[hidden]'))
  return shown.length > longest ? `${shown.slice(0, longest)}...` : shown
}

/** The same in quotes, for a value that is told about. */
export function quotedForeignText(text: string): string {
  return JSON.stringify(foreignText(text)).replaceAll('\\\\u', '\\u')
}

/** `password=…`, `api_token: "…"` */
const secretAssignment = /((?:pass|pwd|secret|token|salt)[\w-]{0,32}["']?\s?[=:]\s?)(?:"[^"]*"?|'[^']*'?|\S+)/gi

function escapeCharacter(character: string): string {
  if (character === '\n' || character === '\t') return character
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
