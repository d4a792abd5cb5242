/**
 * OSSIM's own settings files: `name=value` lines, `#` starts a comment line. The value is read
 * whole, up to white space, as OSSIM's pattern `^(\S+)\s*=\s*(\S+)` does (OSSIM `OssimConf.py`); it may
 * hold `;`, `#` and quotes. We split at the first `=`. A later line wins.
 */

interface ConfLine {
  /** The last `[section]` line above it; empty before the first. */
  section: string
  name: string
  value: string
}

/** The values of ossim.conf by name; it has no sections. */
export function parseOssimConf(text: string): Map<string, string> {
  return new Map(parseLines(text).map((line) => [line.name, line.value]))
}

/** The database settings of ossim_setup.conf by name: section `[database]`, or lines before any section. */
export function parseSetupConf(text: string): Map<string, string> {
  const lines = parseLines(text).filter((line) => line.section === '' || line.section === 'database')
  const older = lines.filter((line) => line.section === '')
  const newer = lines.filter((line) => line.section === 'database')
  return new Map([...older, ...newer].map((line) => [line.name, line.value]))
}

function parseLines(text: string): ConfLine[] {
  const lines: ConfLine[] = []
  let section = ''
  for (const line of text.split('\n')) {
    const header = /^\s*\[([^\]]*)\]/.exec(line)
    if (header?.[1] !== undefined) section = header[1].trim()
    const found = /^\s*([^\s=#]+)\s*=\s*(\S+)/.exec(line)
    if (found?.[1] !== undefined && found[2] !== undefined) lines.push({ section, name: found[1], value: found[2] })
  }
  return lines
}
