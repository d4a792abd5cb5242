import { KnownError } from '../errors.ts'
import type { Key } from '../key/key.ts'
import { parseKeyRow } from '../key/key-file.ts'
import { type ConfigStore, keyRow } from '../store/config-store.ts'
import { rowName } from './refusal.ts'

/**
 * Called before a key is put into an empty row. Checks that no other server that the settings name, and that answers,
 * holds a different key: two servers without replication between them, used in turn, would end with two keys.
 * @param key the key for the row; undefined where it is not made yet
 * @throws KnownError `key-conflict` where another server holds a different key
 */
export async function requireNoKeyElsewhere(store: ConfigStore, key: Key | undefined): Promise<void> {
  const another = (await store.keysElsewhere()).find(({ bytes }) => {
    const row = parseKeyRow(bytes)
    return row.kind !== 'absent' && !(row.kind === 'good' && key?.equals(row.key))
  })
  if (!another) return
  // A row that is filled by now came by replication: another machine has claimed it, and the claim will find that key.
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
