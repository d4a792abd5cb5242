import { KnownError, systemCode } from '../errors.ts'
import type { Settings } from '../settings/resolve.ts'
import type { Machine } from './machine.ts'

/**
 * The service will be able to read its key: it is read with the rights of the service's account,
 * on the way that the daemon takes. One that is yet to be made or repaired is not looked at.
 * @throws KnownError `task-failed`
 */
export function requireReadableKey({ host, owner }: Machine, { keyFile }: Settings): void {
  if (host.files.stat(keyFile)?.uid !== owner.uid) return
  try {
    host.rightsOf(owner).run(() => host.files.read(keyFile))
  } catch (error) {
    if (!(error instanceof KnownError) && systemCode(error) !== 'EACCES') throw error
    const hint = `let ${owner.text} through each folder on the way: namei -l ${keyFile}`
    throw new KnownError('task-failed', `the service, as ${owner.text}, cannot read ${keyFile}`, hint, { cause: error })
  }
}
