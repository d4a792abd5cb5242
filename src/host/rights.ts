import type { Ids } from './look.ts'

/** A way to do file work with the rights of one account. */
export interface Rights {
  /** Runs synchronous work; nothing of it may be left for later. */
  run<T>(work: () => T): T
}

/** Our own rights. */
export const ownRights: Rights = { run: (work) => work() }

/**
 * The rights of another account, by effective ids, group list and umask, for root only. The ids
 * belong to the whole process while the work runs, which is why the work is synchronous.
 */
export function rightsOf(ids: Ids): Rights {
  if (process.geteuid?.() !== 0 || ids.uid === 0) return ownRights
  return {
    run(work) {
      const groups = process.getgroups?.() ?? []
      const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
      process.setgroups?.([ids.gid])
      process.setegid?.(ids.gid)
      process.seteuid?.(ids.uid)
      try {
        return work()
      } finally {
        process.seteuid?.(uid)
        process.setegid?.(gid)
        process.setgroups?.(groups)
      }
    },
  }
}
