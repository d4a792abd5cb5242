import type { Ids } from './look.ts'

/**
 * Becomes an account for good: real, effective and saved ids and the group list. Does nothing for
 * who is not root, or for root itself.
 * @throws Error when the way back is still open
 */
export function becomeAccount({ uid, gid }: Ids): void {
  if (process.geteuid?.() !== 0 || uid === 0) return
  process.setgroups?.([gid])
  process.setgid?.(gid)
  process.setuid?.(uid)
  try {
    process.setuid?.(0)
  } catch {
    return
  }
  throw new Error('root could be taken back after it was given up')
}
