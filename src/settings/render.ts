/**
 * Rewrites settings files. Only the value of a line that is to change is replaced: other lines,
 * comments, also those behind a value, order, line ends and every byte that is nobody's text survive.
 */
import { safe, unsafe } from 'ini'
import { type ByteText, whiteSpace } from './byte-text.ts'

/** How a file's readers take a line: `conf` OSSIM's own files, `ini` frameworkd.ini. */
export type SettingsFormat = 'conf' | 'ini'

/**
 * What stands behind the `=`. OSSIM's readers take a value to the first white space (`OssimConf.py`); the
 * ini package the whole rest where that is in quotes, else all to a `;` or `#` without a backslash.
 */
const valuePatterns: Readonly<Record<SettingsFormat, string>> = {
  conf: `[^${whiteSpace}]*`,
  ini: `(?:"[^]*"|'[^]*')(?=[${whiteSpace}]*$)|(?:\\\\[;#\\\\]|[^;#])*?(?=[${whiteSpace}]*(?:[;#]|$))`,
}

/** Sets `name=value` lines. Of several lines with one name the last, which counts, is changed. */
export function setLines(text: ByteText, wanted: ReadonlyMap<string, ByteText>, format: SettingsFormat): ByteText {
  const lines = text.split('\n')
  // What follows the last line feed is a line only where there is something.
  const rest = lines.pop() ?? ''
  if (rest !== '') lines.push(rest)
  const end = lines.at(-1)?.endsWith('\r') ? '\r' : ''
  let isChanged = false
  for (const [name, value] of wanted) {
    const index = lines.findLastIndex((line) => nameOfLine(line) === name)
    const line = index === -1 ? `${name}=${value}${end}` : withValue(lines[index] ?? '', value, format)
    isChanged ||= line !== lines[index]
    lines.splice(index === -1 ? lines.length : index, 1, line)
  }
  return isChanged ? `${lines.join('\n')}\n` : text
}

/** A value as the ini package reads it back whole. */
export function iniValue(value: string): string {
  // Its own form loses a backslash before `;` or `#`; its quoted form is JSON and loses nothing.
  const written = safe(value)
  return unsafe(written) === value ? written : JSON.stringify(value)
}

const nameAndSign = `^[${whiteSpace}]*([^${whiteSpace}=#;]+)[${whiteSpace}]*=`
const namePattern = new RegExp(nameAndSign)

/** The name that a line of a settings file gives a value; undefined for any other line. */
export function nameOfLine(line: ByteText): string | undefined {
  return namePattern.exec(line)?.[1]
}

function withValue(line: ByteText, value: ByteText, format: SettingsFormat): ByteText {
  const found = new RegExp(`(${nameAndSign}[ \\t]*)(${valuePatterns[format]})`).exec(line)
  if (!found) return line
  const [whole, head, , old] = found
  if (old === value) return line
  const tail = line.slice(whole.length)
  // To the ini package, quotes with anything behind them are none.
  const isMoved = format === 'ini' && /^["']/.test(value) && tail.trim() !== ''
  if (isMoved) return `${tail.trimStart()}\n${head}${value}`
  // A backslash would take its sign from the comment.
  const space = value.endsWith('\\') && /^[;#]/.test(tail) ? ' ' : ''
  return `${head}${value}${space}${tail}`
}
