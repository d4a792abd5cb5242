import { KnownError, systemCode } from '../../../errors.ts'
import type { Ids } from '../../files/look.ts'

/**
 * Becomes an account for good: real, effective and saved ids and the group list. Does nothing where we are not
 * root, or the account is root.
 * @throws KnownError `preflight` where root may not do that; Error when root could still be taken back
 */
export function becomeAccount({ uid, gid }: Ids): void {
  if (process.geteuid?.() !== 0 || uid === 0) return
  try {
    process.setgroups?.([gid])
    process.setgid?.(gid)
    process.setuid?.(uid)
  } catch (error) {
    throw explainMissingPrivilege(error)
  }
  try {
    process.setuid?.(0)
  } catch {
    return
  }
  throw new Error('root could be taken back after it was given up')
}

/** Root in a container, or in a user namespace, may lack root's privileges (capabilities(7), user_namespaces(7)). */
export function explainMissingPrivilege(error: unknown): unknown {
  const code = systemCode(error)
  if (code === undefined) return error
  const hint = 'run as root with CAP_SETUID and CAP_SETGID, where the account exists, or as the account itself'
  const message = `rights: root may not act as another account here (${code})`
  return new KnownError('preflight', message, hint, { cause: error })
}
