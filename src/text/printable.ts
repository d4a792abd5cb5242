/**
 * Every text that reaches a terminal, a log or a file that others read goes through here. Such a text may hold words
 * of a server, a peer, a file or another program, so:
 *
 * 1. no control character gets out (a terminal would obey an escape sequence), and none that
 *    changes the direction or the order of the text; line feed and tab stay
 * 2. no key gets out, wherever it comes from: a word that has the form of a key is hidden
 *
 * Escapes are written as JSON writes them, so that a document of JSON stays one.
 */
import { keyPattern } from './key-pattern.ts'

/**
 * The characters of `unprintable`, in hexadecimal: Unicode's Cc, Cf, Cs, Zl, Zp and Default_Ignorable_Code_Point.
 * They stand here one by one because Node takes 4 ms of each run to look such classes up; the test compares
 * them with Node's.
 */
const hiddenCharacters =
  '0-1f 7f-9f ad 34f 600-605 61c 6dd 70f 890-891 8e2 115f-1160 17b4-17b5 180b-180f 200b-200f ' +
  '2028-202e 2060-206f 3164 d800-dfff fe00-fe0f feff ffa0 fff0-fffb 110bd 110cd 13430-1343f ' +
  '1bca0-1bca3 1d173-1d17a e0000-e0fff'
const hiddenClass = `[${hiddenCharacters.replace(/[\da-f]+/g, '\\u{$&}').replaceAll(' ', '')}]`
/** Control characters, and what changes the order of a text, ends its line, or is not seen at all. */
export const unprintable = new RegExp(hiddenClass, 'u')
const everyUnprintable = new RegExp(hiddenClass, 'gu')

/** A key, also inside a longer word. */
const keyLike = new RegExp(keyPattern, 'g')

/** How many characters of a text from outside are shown. */
const longest = 200

/** A text as it may be shown. */
export function printable(text: string): string {
  return text.replace(keyLike, '[hidden]').replace(everyUnprintable, escapeCharacter)
}

/** A text from outside (a server, a peer, a file), in one line and cut to a useful length. */
export function foreignText(text: string): string {
  // Keys and passwords are hidden before the text is cut: a cut could leave half of a key.
  const shown = printable(text.trim().replace(/\s+/g, ' ').replace(secretAssignment, '$1[hidden]'))
  return shown.length > longest ? `${shown.slice(0, longest)}...` : shown
}

/** The same in quotes, for a value in a message. */
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
