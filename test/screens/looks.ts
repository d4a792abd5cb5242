/** The surroundings that every screen is shown in; the golden file of each has its name. */
import type { Size } from '../support/pty.ts'

export interface Look {
  size: Size
  env: Readonly<Record<string, string>>
  /** Not a terminal: nobody can be asked. */
  isPipe?: true
}

const utf8 = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }
const usual = { columns: 80, rows: 24 }

export const looks: Readonly<Record<string, Look>> = {
  '80x24': { size: usual, env: utf8 },
  '60x20': { size: { columns: 60, rows: 20 }, env: utf8 },
  '40x10': { size: { columns: 40, rows: 10 }, env: utf8 },
  'no-color': { size: usual, env: { ...utf8, NO_COLOR: '1' } },
  dumb: { size: usual, env: { ...utf8, TERM: 'dumb' } },
  vt100: { size: usual, env: { ...utf8, TERM: 'vt100' } },
  'lang-c': { size: usual, env: { ...utf8, LANG: 'C' } },
  pipe: { size: usual, env: utf8, isPipe: true },
}
