/** What may be drawn: colours and marks beyond ASCII are for a terminal that surely shows them. */

export interface Looks {
  color: boolean
  /** Characters beyond ASCII are shown as what they are. */
  unicode: boolean
}

const plainLooks: Looks = { color: false, unicode: false }

/** Terminals that show what a serial line brings: getty(8) names them so, and nobody knows what is behind it. */
const plainTerminals = /^(|dumb|unknown|ansi|network|vt\d.*)$/

/** What stands for a locale, the most important first (locale(7)). */
const localeVariables = ['LC_ALL', 'LC_CTYPE', 'LANG'] as const

/** @param environment of the program */
export function looksOf(environment: Readonly<Record<string, string | undefined>>): Looks {
  const locale = localeVariables.map((name) => environment[name]).find((value) => value !== undefined && value !== '')
  const isUtf8 = /utf-?8/i.test(locale ?? '')
  if (!isUtf8 || plainTerminals.test(environment.TERM ?? '')) return plainLooks
  // The font of the kernel's own console has few marks, but its colours are good.
  return { color: !environment.NO_COLOR, unicode: environment.TERM !== 'linux' }
}
