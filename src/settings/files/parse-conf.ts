/**
 * OSSIM's own settings files: `name=value` lines, `#` starts a comment line. The value is read
 * whole, up to white space, as OSSIM's pattern `^(\S+)\s*=\s*(\S+)` does (OSSIM `OssimConf.py`); it may
 * hold `;`, `#` and quotes. We split at the first `=`. A later line wins.
 */
import { type ByteText, whiteSpace } from './byte-text.ts'

interface ConfLine {
  /** The last `[section]` line above it; empty before the first. */
  section: ByteText
  name: ByteText
  value: ByteText
}

/** The values of ossim.conf by name; it has no sections. */
export function parseOssimConf(text: ByteText): Map<string, ByteText> {
  return new Map(parseLines(text).map((line) => [line.name, line.value]))
}

/** The database settings of ossim_setup.conf by name: section `[database]`, or lines before any section. */
export function parseSetupConf(text: ByteText): Map<string, ByteText> {
  const lines = parseLines(text).filter((line) => line.section === '' || line.section === 'database')
  const older = lines.filter((line) => line.section === '')
  const newer = lines.filter((line) => line.section === 'database')
  return new Map([...older, ...newer].map((line) => [line.name, line.value]))
}

const headerLine = new RegExp(`^[${whiteSpace}]*\\[[${whiteSpace}]*([^\\]]*?)[${whiteSpace}]*\\]`)
const valueLine = new RegExp(
  `^[${whiteSpace}]*([^${whiteSpace}=#]+)[${whiteSpace}]*=[${whiteSpace}]*([^${whiteSpace}]+)`,
)

function parseLines(text: ByteText): ConfLine[] {
  const lines: ConfLine[] = []
  let section = ''
  for (const line of text.split('\n')) {
    section = headerLine.exec(line)?.[1] ?? section
    const found = valueLine.exec(line)
    if (found?.[1] !== undefined && found[2] !== undefined) lines.push({ section, name: found[1], value: found[2] })
  }
  return lines
}
