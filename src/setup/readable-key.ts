import { KnownError, systemCode } from '../errors.ts'
import type { Settings } from '../settings/resolve.ts'
import type { Machine } from './machine.ts'

/**
 * Checks that the service will be able to read its key: the file is read with the rights of the service's account,
 * in the way of the daemon. A file that is not made or repaired yet is not checked.
 * @throws KnownError `task-failed`
 */
export function requireReadableKey({ host, owner }: Machine, { keyFile }: Settings): void {
  if (host.files.stat(keyFile)?.uid !== owner.uid) return
  try {
    host.rightsOf(owner).run(() => host.files.read(keyFile))
  } catch (error) {
    if (!(error instanceof KnownError) && systemCode(error) !== 'EACCES') throw error
    const hint = `let ${owner.text} through each folder on the way: namei -l ${host.tree.quotedPath(keyFile)}`
    throw new KnownError('task-failed', `the service, as ${owner.text}, cannot read ${keyFile}`, hint, { cause: error })
  }
}
