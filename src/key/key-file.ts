/**
 * The text of the key file, read by Python's ConfigParser, by PHP and Perl running
 * `grep "^key=" FILE | awk 'BEGIN { FS = "=" } ; {print $2}'`, and by
 * `send_reputation_feedback.py`: no spaces around `=`, no quotes, one key line.
 */
import { stringify } from 'ini'
import { Key } from './key.ts'

/** Where a key came from, as the file's second line tells. */
export type KeyOrigin = 'system-id' | 'random' | 'database' | 'file'

/** What was found where the key belongs: in the key file, or in its row. */
export type KeyState =
  | { kind: 'absent' }
  | { kind: 'good'; key: Key }
  /** Something is there, and it is not a key; the reason never quotes it. */
  | { kind: 'damaged'; reason: string }

const firstLine = "#This file is generated automatically by ossim. Please don't modify it!"
const originLines: Record<KeyOrigin, string> = {
  'system-id': '#Generated using alienvault-system-id',
  random: '#Generated using random uuid on ',
  database: '#Generated using row encryption_key of table config on ',
  file: '#Generated using another key file on ',
}
/** What OSSIM's packages ship instead of a key. */
const placeholder = 'KEY_VALUE'
const section = 'key-value'

/** The file's text for a key, byte for byte as OSSIM writes it. */
export function renderKeyFile(key: Key, origin: KeyOrigin, now: Date): string {
  const line = originLines[origin]
  const dated = line.endsWith(' ') ? `${line}${now.toISOString()}` : line
  return `${firstLine}\n${dated}\n${stringify({ key: key.reveal() }, { section })}`
}

/**
 * What the bytes of a key file hold. Well-formed is one line exactly `key=` and a UUID under
 * `[key-value]`; nothing is trimmed. A line that one of the readers would understand differently counts as damage.
 */
export function parseKeyFile(bytes: Buffer): KeyState {
  if (bytes.length === 0) return damagedState('it is empty')
  const lines = bytes.toString('latin1').replace(/\n$/, '').split('\n')
  const headers = lines.filter((line) => line.startsWith('['))
  const keyLines = lines.filter((line) => /^\s*key\s*[=:]/i.test(line))
  if (headers.length !== 1 || headers[0] !== `[${section}]`)
    return damagedState(`it does not have the one section [${section}]`)
  if (keyLines.length !== 1)
    return damagedState(keyLines.length === 0 ? 'it has no key line' : 'it has several key lines')
  const [keyLine = ''] = keyLines
  const headerAt = lines.indexOf(`[${section}]`)
  if (lines.indexOf(keyLine) < headerAt) return damagedState(`the key line is not under [${section}]`)
  if (lines.some((line, index) => !isHarmless(line, index > headerAt)))
    return damagedState('it has a line that is no setting')
  if (keyLine === `key=${placeholder}`) return { kind: 'absent' }
  const key = keyLine.startsWith('key=') ? Key.parse(keyLine.slice('key='.length)) : undefined
  return key ? { kind: 'good', key } : damagedState('its key line is not `key=` and a UUID')
}

/** What the bytes of row `encryption_key` hold; undefined when there is no such row. */
export function parseKeyRow(bytes: Buffer | null | undefined): KeyState {
  if (!bytes || bytes.length === 0) return { kind: 'absent' }
  const key = Key.parse(bytes.toString('latin1'))
  return key ? { kind: 'good', key } : damagedState('it is not a UUID')
}

/** Where the file says its key came from; `file` when it says nothing we know. */
export function originOf(bytes: Buffer): KeyOrigin {
  const lines = bytes.toString('latin1').split('\n', 2)
  const known = Object.entries(originLines).find(([, line]) => lines[1]?.startsWith(line))
  return (known?.[0] as KeyOrigin | undefined) ?? 'file'
}

/** Whether a file may be replaced by a key file: it is empty, or begins like one. */
export function looksLikeKeyFile(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  return text === '' || text.startsWith(firstLine) || text.startsWith(`[${section}]`)
}

/**
 * An empty line, a comment, the section, or a setting that is not indented (ConfigParser joins an indented line to
 * the one before).
 */
function isHarmless(line: string, inSection: boolean): boolean {
  return line === '' || /^[#;]/.test(line) || line === `[${section}]` || (inSection && /^[\w.-]+=[ -~]*$/.test(line))
}

function damagedState(reason: string): KeyState {
  return { kind: 'damaged', reason }
}
