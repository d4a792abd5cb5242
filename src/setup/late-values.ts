/**
 * Late values: a program that had read the key before a rotation may write a value after it, encrypted with the old
 * key; no lock of a server prevents that. They are encrypted anew; nothing else is touched.
 */
import type { Plan } from '../engine/task.ts'
import { encryptAnew } from '../keycheck/encrypt-anew.ts'
import { inspectKey } from '../keycheck/inspect.ts'
import { rowChanged } from '../keycheck/refusal.ts'
import { countIn, surveyValues } from '../keycheck/survey-values.ts'
import type { Machine } from './machine.ts'

export async function planLateValues(machine: Machine): Promise<Plan> {
  const seen = await inspect(machine)
  if (!seen) return { outcome: 'ok', summary: 'no key that the row has replaced is known' }
  const store = await machine.store()
  const survey = await surveyValues(store, seen.key, seen.superseded)
  const late = countIn(survey, 'superseded')
  if (late === 0)
    return { outcome: 'ok', summary: `${countIn(survey, 'current')} values, none under a key that was replaced` }
  return {
    outcome: 'change',
    summary: `encrypt ${late} ${late === 1 ? 'value' : 'values'} anew that a late writer has left under a key that was replaced`,
    async apply() {
      await store.requireRewritable()
      await encryptLateValues(machine)
    },
  }
}

/** @returns how many values were encrypted anew. @throws KnownError `busy` when the row was changed meanwhile */
export async function encryptLateValues(machine: Machine): Promise<number> {
  const seen = await inspect(machine)
  if (!seen) return 0
  const newBytes = encryptAnew([seen.key, ...seen.superseded], seen.key)
  const count = await (await machine.store()).rewriteValues({ seenKey: seen.rowBytes, newBytes })
  if (count === undefined) throw rowChanged(seen)
  return count
}

/** The row's key and those that it has replaced; undefined where it has replaced none. */
async function inspect(machine: Machine) {
  const { row, ...seen } = await inspectKey(await machine.settingsWithRows(), machine.host, await machine.store())
  return row.kind === 'good' && seen.superseded.length > 0 ? { ...seen, key: row.key } : undefined
}
