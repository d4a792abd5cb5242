/** Which colours and characters may be shown: only those that the terminal is known to support. */

export interface Looks {
  color: boolean
  /** The terminal shows characters beyond ASCII. */
  unicode: boolean
}

const plainLooks: Looks = { color: false, unicode: false }

/** Values of TERM that getty(8) sets for serial lines: the real terminal behind the line is unknown. */
const plainTerminals = /^(|dumb|unknown|ansi|network|vt\d.*)$/

/** The variables that name a locale, the most important first (locale(7)). */
const localeVariables = ['LC_ALL', 'LC_CTYPE', 'LANG'] as const

/** @param environment of the program */
export function looksOf(environment: Readonly<Record<string, string | undefined>>): Looks {
  const locale = localeVariables.map((name) => environment[name]).find((value) => value !== undefined && value !== '')
  const isUtf8 = /utf-?8/i.test(locale ?? '')
  if (!isUtf8 || plainTerminals.test(environment.TERM ?? '')) return plainLooks
  // The font of the kernel's own console has few marks, but its colours are good.
  return { color: !environment.NO_COLOR, unicode: environment.TERM !== 'linux' }
}
