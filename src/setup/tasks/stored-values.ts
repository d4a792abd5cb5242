/**
 * Values that a late writer has left under a key that was replaced: it read the key before the rotation and
 * wrote after it, and no lock of a server prevents that. They are encrypted anew; nothing else is touched.
 */
import type { Plan } from '../../engine/task.ts'
import { KnownError } from '../../errors.ts'
import { encryptAnew } from '../../keycheck/encrypt-anew.ts'
import { inspectKey, type KeyInspection } from '../../keycheck/inspect.ts'
import { countIn, surveyValues } from '../../keycheck/survey-values.ts'
import { type ConfigStore, supersededRow } from '../../store/config-store.ts'
import type { Machine, SetupTask } from '../machine.ts'

export const storedValues: SetupTask = {
  name: 'stored-values',
  title: 'Encrypt late values anew',
  tags: ['key'],
  async plan(machine): Promise<Plan> {
    if (machine.request.forImage) return { outcome: 'deferred', summary: 'left to the first boot' }
    const store = await machine.store()
    if (machine.createsSchema && !(await store.schema()).table) return { outcome: 'ok', summary: 'there are none yet' }
    if (!(await store.rows()).get(supersededRow)?.length) return { outcome: 'ok', summary: 'no key was replaced' }
    const seen = await inspectKey(await machine.settingsWithRows(), machine.host, store)
    return planLateValues(store, seen)
  },
}

async function planLateValues(store: ConfigStore, { row, superseded, rowBytes }: KeyInspection): Promise<Plan> {
  if (row.kind !== 'good' || superseded.length === 0)
    return { outcome: 'ok', summary: 'no key that the row has replaced is known' }
  const { key } = row
  const survey = await surveyValues(store, key, superseded)
  const late = countIn(survey, 'superseded')
  if (late === 0)
    return { outcome: 'ok', summary: `${countIn(survey, 'current')} values, none under a key that was replaced` }
  return {
    outcome: 'change',
    summary: `encrypt ${late} ${late === 1 ? 'value' : 'values'} anew that a late writer has left under a key that was replaced`,
    async apply() {
      await store.requireRewritable()
      const anew = encryptAnew([key, ...superseded], key)
      if ((await store.rewriteValues({ seenKey: rowBytes, anew })) !== undefined) return
      throw rowChanged()
    },
  }
}

/** Somebody else was faster; nothing was changed. */
export function rowChanged(): KnownError {
  return new KnownError(
    'busy',
    'row encryption_key was changed by somebody else meanwhile; nothing was changed',
    'run again, and look at what it says',
  )
}

/** Looks once more, as the task does. @returns how many values were encrypted anew */
export async function encryptLateValues(machine: Machine): Promise<number> {
  const store = await machine.store()
  const { row, rowBytes, superseded } = await inspectKey(await machine.settingsWithRows(), machine.host, store)
  if (row.kind !== 'good' || superseded.length === 0) return 0
  return (await store.rewriteValues({ seenKey: rowBytes, anew: encryptAnew([row.key, ...superseded], row.key) })) ?? 0
}
