/** Counts all stored values by the key that encrypted them: for the plan of a rotation, and to find late values. */
import { KnownError } from '../errors.ts'
import { valueClassifier } from '../key/classify-value.ts'
import type { Key } from '../key/key.ts'
import type { ConfigStore } from '../store/config-store.ts'
import { foreignText } from '../text/printable.ts'

/** What one place holds; empty values are left out. */
export interface PlaceSurvey {
  /** `config.value` */
  name: string
  values: number
  /** Encrypted with the current key. */
  current: number
  /** Encrypted with a key that was replaced. */
  superseded: number
  plain: number
  /** The rows with a value that none of the keys decrypts and that is not plain text, by their primary key. */
  undecryptable: readonly string[]
}

/** @param superseded the keys that the current one has replaced, the newest first */
export async function surveyValues(
  store: ConfigStore,
  current: Key,
  superseded: readonly Key[],
): Promise<readonly PlaceSurvey[]> {
  const found = await store.storedValues()
  const classify = valueClassifier([current, ...superseded])
  return found.map(({ place, values }) => {
    const survey = { values: values.length, current: 0, superseded: 0, plain: 0 }
    const undecryptable: string[] = []
    for (const { bytes, row } of values) {
      const state = classify(bytes)
      if (state.kind === 'plain') survey.plain += 1
      else if (state.kind === 'undecryptable') undecryptable.push(nameOfRow(row))
      else survey[state.key.equals(current) ? 'current' : 'superseded'] += 1
    }
    return { name: `${place.table}.${place.column}`, ...survey, undecryptable }
  })
}

/** One count, added up over all places. */
export function countIn(survey: readonly PlaceSurvey[], what: 'values' | 'current' | 'superseded' | 'plain'): number {
  return survey.reduce((sum, place) => sum + place[what], 0)
}

const mostRowsListed = 10

/** Values that a rotation would make unreadable for ever, by place and row, never by content. */
export function undecryptableValues(survey: readonly PlaceSurvey[], key: Key): KnownError | undefined {
  const rows = survey.flatMap(({ name, undecryptable }) => undecryptable.map((row) => `${name} of ${row}`))
  if (rows.length === 0) return undefined
  const more = rows.length > mostRowsListed ? [`and ${rows.length - mostRowsListed} more`] : []
  const list = [...rows.slice(0, mostRowsListed), ...more].map((row) => `\n  ${row}`).join('')
  const count = rows.length === 1 ? '1 stored value' : `${rows.length} stored values`
  return new KnownError(
    'key-undecryptable',
    `key ${key.fingerprint} does not decrypt ${count}, and ${rows.length === 1 ? 'it is' : 'they are'} not plain text:${list}`,
    'set these passwords anew, or leave the values as they are: --leave-undecryptable',
  )
}

function nameOfRow(row: readonly string[]): string {
  if (row.length === 0) return 'a row without a primary key'
  return `row ${row.map((part) => (/^[\x20-\x7e]+$/.test(part) ? foreignText(part) : `0x${Buffer.from(part, 'latin1').toString('hex')}`)).join(', ')}`
}
