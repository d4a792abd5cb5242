/**
 * Renders templates. Their only syntax is `{{name}}`. A placeholder without a value and a value
 * without a placeholder are errors, and every value is quoted for the program that reads the file (quote.ts).
 */
import { KnownError } from '../../errors.ts'
import type { Quoted } from './quote.ts'

/** @throws KnownError `task-failed` naming the template and what does not fit */
export function renderTemplate(name: string, text: string, values: Readonly<Record<string, Quoted>>): string {
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

function unfit(name: string, problem: string): KnownError {
  return new KnownError('task-failed', `template ${name} ${problem}`, 'install frameworkd anew, with its own templates')
}
