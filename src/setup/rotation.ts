/**
 * Replaces the key: every stored value is encrypted anew in one transaction with the row, then the file is written.
 *
 * 1. Nothing is written before everything was checked: file and row agree, each value decrypts or is plain text, we
 *    have the rights on every place, every table has transactions.
 * 2. Values, row `encryption_key_superseded` and row `encryption_key` change together, or not at all.
 * 3. The file is written after the commit. A crash between the two leaves a file with a superseded key, and the next
 *    apply or rotation writes the new one. The files of other machines are brought up to date in the same way.
 * 4. The old key is kept: beside the file, and in the row of superseded keys, under the new one.
 */
import type { Plan } from '../engine/task.ts'
import { KnownError } from '../errors.ts'
import type { Key } from '../key/key.ts'
import { originOf } from '../key/key-file.ts'
import { withSuperseded } from '../key/superseded.ts'
import { encryptAnew } from '../keycheck/encrypt-anew.ts'
import { decideOn, inspectKey, type KeyInspection, requireAgreement } from '../keycheck/inspect.ts'
import { makeKey, type NewKey } from '../keycheck/key-source.ts'
import { rowChanged } from '../keycheck/refusal.ts'
import { countIn, type PlaceSurvey, surveyValues, undecryptableValues } from '../keycheck/survey-values.ts'
import { services } from '../paths.ts'
import { type ConfigStore, supersededRow } from '../store/config-store.ts'
import { KeyWriter } from './key-writer.ts'
import type { Machine, SetupTask } from './machine.ts'
import { encryptionKey } from './tasks/encryption-key.ts'

/** One rotation of a machine's key. */
export interface Rotation {
  machine: Machine
  /** Values that no key decrypts stay as they are. */
  leaveUndecryptable: boolean
  /** Where the new key comes from: the system id only where that was asked for, since it most often is the old one. */
  source: 'random' | 'system-id'
}

/** What a rotation will work on: the current key, and the stored values. */
export interface RotationPlan {
  key: Key
  survey: readonly PlaceSurvey[]
}

/** Whether an earlier rotation, here or on another machine, still has to be finished here. */
export async function isInterrupted(machine: Machine): Promise<boolean> {
  const decision = decideOn(await look(machine))
  return decision.kind === 'copy-to-file' && decision.superseded !== undefined
}

/**
 * What a rotation would do; changes nothing.
 * @throws KnownError with exit code 3 where file and row do not agree, or a value would be lost; as the store says
 *   where the values cannot be written
 */
export async function planRotation({ machine, leaveUndecryptable }: Rotation): Promise<RotationPlan> {
  const store = await machine.store()
  const seen = await look(machine)
  const { key } = requireAgreement(seen)
  machine.host.files.requireOurs(seen.path, machine.owner)
  const survey = await surveyValues(store, key, seen.superseded)
  const undecryptable = undecryptableValues(survey, key)
  if (undecryptable && !leaveUndecryptable) throw undecryptable
  await store.requireRewritable()
  return { key, survey }
}

/** Writes the new key into a file that an interrupted rotation has left with the old one. */
export const finishRotation: SetupTask = { ...encryptionKey, title: 'Finish the interrupted rotation' }

/**
 * The task of one rotation. It is done when file and row hold the key that it made.
 * @param seen what was shown to the person who consented; undefined where nobody was asked
 */
export function rotateKey(rotation: Rotation, seen: RotationPlan | undefined): SetupTask {
  let made: NewKey | undefined
  return {
    name: 'key-rotation',
    title: 'Replace the encryption key',
    tags: ['key'],
    async plan(machine): Promise<Plan> {
      if (made) return requireReplaced(machine, made.key)
      const { key, survey } = seen ?? (await planRotation(rotation))
      const writer = new KeyWriter(machine, await machine.store(), await look(machine))
      return {
        outcome: 'change',
        summary: `replace key ${key.fingerprint}, and encrypt ${describeCounts(survey)} anew`,
        diff: [writer.diff(undefined)],
        facts: { places: survey.map((place) => ({ ...place, undecryptable: place.undecryptable.length })) },
        restarts: services.daemon,
        async apply() {
          const store = await machine.store()
          const now = await look(machine)
          if (!requireAgreement(now).key.equals(key)) throw rowChanged(now)
          made = await makeKey(rotation.source, machine.host, machine.signal)
          if (made.key.equals(key)) throw sameKey()
          await replaceInStore(store, now, key, made.key, rotation.leaveUndecryptable)
          const file = new KeyWriter(machine, store, now)
          file.keepFileAside('replaced')
          file.writeFile(made.key, made.origin)
        },
      }
    },
  }
}

function sameKey(): KnownError {
  const hint = 'take a random one: leave --key-source out'
  return new KnownError('configuration', 'the system id is the key that is to be replaced', hint)
}

async function look(machine: Machine): Promise<KeyInspection> {
  return inspectKey(await machine.settingsWithRows(), machine.host, await machine.store())
}

async function requireReplaced(machine: Machine, made: Key): Promise<Plan> {
  const seen = await look(machine)
  const { key } = requireAgreement(seen)
  if (!key.equals(made)) throw rowChanged(seen)
  const source = seen.found ? originOf(seen.found.bytes) : 'database'
  return {
    outcome: 'ok',
    summary: `key ${key.fingerprint} in row and ${seen.path}`,
    facts: { key: { fingerprint: key.fingerprint, source } },
  }
}

async function replaceInStore(
  store: ConfigStore,
  seen: KeyInspection,
  old: Key,
  key: Key,
  leaveUndecryptable: boolean,
): Promise<void> {
  const superseded = withSuperseded((await store.rows()).get(supersededRow), old, key)
  const newBytes = encryptAnew([old, ...seen.superseded], key, () => {
    // Somebody has written this value since the checks: the transaction is undone.
    if (!leaveUndecryptable) throw rowChanged(seen)
  })
  const count = await store.rewriteValues({ seenKey: seen.rowBytes, newBytes, keys: { key, superseded } })
  if (count === undefined) throw rowChanged(seen)
}

/** `13 values of 4 places` */
function describeCounts(survey: readonly PlaceSurvey[]): string {
  const places = survey.filter(({ current, superseded }) => current + superseded > 0).length
  const total = countIn(survey, 'current') + countIn(survey, 'superseded')
  return `${total} ${total === 1 ? 'value' : 'values'} of ${places} ${places === 1 ? 'place' : 'places'}`
}
