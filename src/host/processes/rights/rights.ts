import type { Ids } from '../../files/look.ts'
import { explainMissingPrivilege } from './become.ts'

/** A way to do file work with the rights of one account. */
export interface Rights {
  /** Runs synchronous work; it may leave nothing to do for later turns of the event loop. */
  run<T>(work: () => T): T
}

/** Our own rights. */
export const ownRights: Rights = { run: (work) => work() }

/**
 * The rights of another account, by effective ids and group list, for root only. The whole process has these ids
 * while the work runs, which is why the work is synchronous. Our own ids are always restored,
 * also where only some of the new ones could be set.
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
        throw explainMissingPrivilege(error)
      }
      return work()
    },
  }
}

/** Each step records how it is undone. The user id is set last: after it the groups cannot be changed any more. */
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
