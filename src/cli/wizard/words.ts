/** What the wizard tells besides its questions, broken where the screen ends. */
import type { KnownError } from '../../errors.ts'
import type { Adoption } from '../../key/reconcile.ts'
import { services } from '../../paths.ts'
import { readPackageVersion } from '../../product/package.ts'
import { setupCommand } from '../../text/command-line.ts'
import { wrapTo } from '../../text/wrap.ts'
import type { Terminal } from './terminal.ts'

/** What a person may choose where only they can decide about the key. */
export const adoptionNames: Readonly<Record<Adoption, string>> = {
  file: 'Keep the key of the file',
  database: 'Keep the key of the row',
  new: 'Make a new key; stored values can no longer be read',
}

export function welcome({ say }: Terminal): void {
  const words =
    'Sets this machine up for the framework daemon of OSSIM: its database, encryption key and service. ' +
    'Nothing is changed before you say so. Ctrl-C stops at any point.'
  say(`frameworkd-setup ${readPackageVersion()}\n\n${wrapTo(process.stdout)(words, 0)}\n`)
}

/** @param paths what of the original would be moved aside */
export function tellWhatGoes({ say }: Terminal, paths: readonly string[], root: string): void {
  const wrap = wrapTo(process.stdout)
  const before = `OSSIM's own framework daemon, ${services.predecessor}, is here. It would be stopped, and moved aside:`
  const after = `frameworkd then answers to its names, and ${setupCommand(root, 'uninstall')} puts all of it back.`
  say(`${wrap(before, 0)}\n${paths.map((path) => `  ${path}\n`).join('')}${wrap(after, 0)}\n`)
}

/** A line that is indented in a message stays so where it is broken. */
export function tellProblem({ say }: Terminal, { message, hint }: KnownError): void {
  const wrap = wrapTo(process.stdout)
  const lines = [...message.split('\n'), ...(hint === '' ? [] : [`hint: ${hint}`])]
  const shown = lines.map((line) => {
    const text = line.trimStart()
    const indent = line.length - text.length
    return `${' '.repeat(indent)}${wrap(text, indent)}`
  })
  say(`\n${shown.join('\n')}\n`)
}
