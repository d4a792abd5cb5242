import { KnownError } from '../errors.ts'
import type { Key } from '../key/key.ts'
import { parseKeyRow } from '../key/key-file.ts'
import { type ConfigStore, keyRow } from '../store/config-store.ts'
import { rowName } from './refusal.ts'

/**
 * Before a key is put into an empty row: no other server that the settings name, and that answers, holds another one. Two servers that
 * are not one database, taken in turn, would end with two keys.
 * @param key that is to be put there; undefined for one that is yet to be made
 * @throws KnownError `key-conflict` where one does
 */
export async function requireNoKeyElsewhere(store: ConfigStore, key: Key | undefined): Promise<void> {
  const another = (await store.keysElsewhere()).find(({ bytes }) => {
    const row = parseKeyRow(bytes)
    return row.kind !== 'absent' && !(row.kind === 'good' && key?.equals(row.key))
  })
  if (!another) return
  // Servers of one database: another machine has claimed the row meanwhile, and ours will tell, if it has heard of it.
  await store.catchUp()
  if (((await store.rows()).get(keyRow)?.length ?? 0) > 0) return
  const row = parseKeyRow(another.bytes)
  const held = row.kind === 'good' ? `key ${row.key.fingerprint}` : 'a damaged key'
  throw new KnownError(
    'key-conflict',
    `${rowName} is empty in ${store.place}, and holds ${held} in ${another.place}`,
    'the servers of --db-host are not one database: repair the replication between them, or name those that are',
  )
}
