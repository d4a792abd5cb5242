import { safe, unsafe } from 'ini'

/**
 * Sets `name=value` lines in a settings file. Other lines, comments, order and line ends survive;
 * of several lines with one name the last, which counts, is changed.
 */
export function setLines(text: string, wanted: ReadonlyMap<string, string>): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  for (const [name, value] of wanted) {
    const index = lines.findLastIndex((line) => nameOfLine(line) === name)
    if (index === -1) lines.push(`${name}=${value}`)
    else if (textOf(lines[index] ?? '') !== value) lines[index] = `${name}=${value}`
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** A value as the ini package reads it back whole. */
export function iniValue(value: string): string {
  // Its own form loses a backslash before `;` or `#`; its quoted form is JSON and loses nothing.
  const written = safe(value)
  return unsafe(written) === value ? written : JSON.stringify(value)
}

/** The name that a line of a settings file gives a value; undefined for any other line. */
export function nameOfLine(line: string): string | undefined {
  return /^\s*([^\s=#;]+)\s*=/.exec(line)?.[1]
}

function textOf(line: string): string {
  return line.slice(line.indexOf('=') + 1).trim()
}
