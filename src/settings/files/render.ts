/**
 * Rewrites settings files. Only the value of a line that is to change is replaced. Everything else survives: other
 * lines, comments (also behind a value), the order, line ends, and bytes that are no text.
 */
import { safe, unsafe } from 'ini'
import { type ByteText, whiteSpace } from './byte-text.ts'

/** How the readers of a file understand a line: `conf` for OSSIM's own files, `ini` for frameworkd.ini. */
export type SettingsFormat = 'conf' | 'ini'

/**
 * The value behind the `=`. OSSIM's readers end it at the first white space (`OssimConf.py`). The ini package
 * takes the whole rest of the line where that is in quotes, else everything up to a `;` or `#` without a backslash.
 */
const valuePatterns: Readonly<Record<SettingsFormat, string>> = {
  conf: `[^${whiteSpace}]*`,
  ini: `(?:"[^]*"|'[^]*')(?=[${whiteSpace}]*$)|(?:\\\\[;#\\\\]|[^;#])*?(?=[${whiteSpace}]*(?:[;#]|$))`,
}

/** Sets `name=value` lines. Where several lines have one name, the last one is changed, since readers use that. */
export function setLines(text: ByteText, wanted: ReadonlyMap<string, ByteText>, format: SettingsFormat): ByteText {
  const lines = text.split('\n')
  // A text that ends with a line feed has an empty rest behind it, which is no line.
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

/** A value, written so that the ini package reads it back unchanged. */
export function iniValue(value: string): string {
  // What safe() writes can lose a backslash before `;` or `#`. A quoted value is JSON and loses nothing.
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
  // The ini package does not take quotes as quotes where anything follows them on the line.
  const isMoved = format === 'ini' && /^["']/.test(value) && tail.trim() !== ''
  if (isMoved) return `${tail.trimStart()}\n${head}${value}`
  // A backslash right before `;` or `#` would make the comment a part of the value.
  const space = value.endsWith('\\') && /^[;#]/.test(tail) ? ' ' : ''
  return `${head}${value}${space}${tail}`
}
