/**
 * Templates hold `{{name}}` and nothing else that is special. A placeholder without a value, a
 * value without a placeholder and one that would begin a line of its own are errors: what is written
 * here is read by root's programs.
 */
import { KnownError } from '../errors.ts'

/** @throws KnownError `task-failed` naming the template and what does not fit */
export function renderTemplate(name: string, text: string, values: Readonly<Record<string, string>>): string {
  const used = new Set<string>()
  const rendered = text.replace(/\{\{(.*?)\}\}/g, (_whole, placeholder: string) => {
    const value = Object.hasOwn(values, placeholder) ? values[placeholder] : undefined
    if (value === undefined) throw unfit(name, `has the unknown placeholder {{${placeholder}}}`)
    used.add(placeholder)
    return value
  })
  const unused = Object.keys(values).find((value) => !used.has(value))
  if (unused !== undefined) throw unfit(name, `has no placeholder {{${unused}}}`)
  return rendered
}

/** A word of ExecStart= and the like: quoted, with specifiers and variables taken literally (systemd.service(5)). */
export function systemdWord(word: string): string {
  return systemdPath(word).replaceAll('$', '$$$$')
}

/** A word where specifiers are expanded and variables are not, such as ReadWritePaths= (systemd.unit(5)). */
export function systemdPath(word: string): string {
  const text = word.replaceAll('%', '%%')
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** A word of a POSIX shell. */
export function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function unfit(name: string, problem: string): KnownError {
  return new KnownError('task-failed', `template ${name} ${problem}`, 'install frameworkd anew, with its own templates')
}
