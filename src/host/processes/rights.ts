import type { Ids } from '../files/look.ts'
import { lacksPower } from './become.ts'

/** A way to do file work with the rights of one account. */
export interface Rights {
  /** Runs synchronous work; nothing of it may be left for later. */
  run<T>(work: () => T): T
}

/** Our own rights. */
export const ownRights: Rights = { run: (work) => work() }

/**
 * The rights of another account, by effective ids and group list, for root only. The ids belong to the
 * whole process while the work runs, which is why the work is synchronous. What was taken is given back
 * however it ends, also where only a part could be taken.
 * @throws KnownError `preflight` from `run`, where root may not take them
 */
export function rightsOf(ids: Ids): Rights {
  if (process.geteuid?.() !== 0 || ids.uid === 0) return ownRights
  return {
    run(work) {
      using taken = new DisposableStack()
      try {
        takeRights(ids, taken)
      } catch (error) {
        throw lacksPower(error)
      }
      return work()
    },
  }
}

/** Each step leaves behind how it is taken back; the user is last, since it may not change groups any more. */
function takeRights(ids: Ids, taken: DisposableStack): void {
  const groups = process.getgroups?.() ?? []
  process.setgroups?.([ids.gid])
  taken.defer(() => process.setgroups?.(groups))
  const gid = process.getegid?.() ?? 0
  process.setegid?.(ids.gid)
  taken.defer(() => process.setegid?.(gid))
  const uid = process.geteuid?.() ?? 0
  process.seteuid?.(ids.uid)
  taken.defer(() => process.seteuid?.(uid))
}
