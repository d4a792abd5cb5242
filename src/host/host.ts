import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { programFolders, programPath, programs } from '../paths.ts'
import { Files } from './files/files.ts'
import type { Ids } from './files/look.ts'
import { openPlainFileAt } from './files/plain-file.ts'
import { Tree } from './files/tree.ts'
import { Commands } from './processes/commands.ts'
import { missingPrivileges } from './processes/rights/privileges.ts'
import { ownRights, type Rights, rightsOf } from './processes/rights/rights.ts'

/** The machine that is worked on: the running one, or a tree below `--root`. */
export class Host {
  readonly tree: Tree
  readonly files: Files
  readonly commands: Commands
  /** We are root and may do what root does, so that owners can be set. */
  readonly privileged: boolean

  /** @param root absolute or relative to the working folder; `/` for the running machine */
  constructor(root: string) {
    this.privileged = process.geteuid?.() === 0 && missingPrivileges().length === 0
    this.tree = new Tree(isAbsolute(root) ? resolve(root) : resolve(process.cwd(), root))
    this.files = new Files(this.tree, this.privileged)
    this.commands = new Commands(this.tree, this.privileged)
  }

  /** This is the running machine, not a tree below a root. */
  get isLive(): boolean {
    return this.tree.root === '/'
  }

  /**
   * We run in a chroot: the services of the machine around it are not ours. The first process has
   * another root then (systemd's running_in_chroot). Where we may not look at that, our own mounts
   * show it, unless the chroot itself is a mount point.
   */
  get isInChroot(): boolean {
    try {
      const [own, first] = [statSync('/'), statSync('/proc/1/root/')]
      return own.dev !== first.dev || own.ino !== first.ino
    } catch {
      return !hasRootMount()
    }
  }

  /** A path as a program outside the root has to name it. */
  outside(path: string): string {
    return this.tree.outside(path)
  }

  /**
   * The rights of an account, where we can take them. An account that cannot even reach the root
   * (it is in a private folder of a build) can plant nothing below it, so our own rights are safe.
   */
  rightsOf(ids: Ids): Rights {
    if (!this.privileged) return ownRights
    const rights = rightsOf(ids)
    return this.isLive || rights.run(() => canReach(`${this.tree.root}/.`)) ? rights : ownRights
  }

  /** Whether files that we make belong to this account without a chown. */
  isOurs(ids: Ids): boolean {
    return ids.uid === process.geteuid?.() && ids.gid === process.getegid?.()
  }

  /** Whether we can read a file of the machine that runs us, with our current rights. */
  isReadable(path: string): boolean {
    try {
      using file = openPlainFileAt(path, constants.O_RDONLY)
      return file !== undefined
    } catch {
      return false
    }
  }

  /** Writes everything to the disks, also what other programs wrote (sync(2)). */
  syncDisks(): void {
    const { spawnSync } = process.getBuiltinModule('node:child_process')
    spawnSync(programs.sync, [], { stdio: 'ignore', env: { PATH: programPath } })
  }

  /** Whether the machine that runs us has a program in a folder that only root writes. */
  hasOwnProgram(name: string): boolean {
    return programFolders.some((folder) => {
      try {
        accessSync(`${folder}/${name}`, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
  }
}

/** The list has the mounts below our root, by their paths there: in a chroot none is at `/` (proc_pid_mountinfo(5)). */
function hasRootMount(): boolean {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    return lines.some((line) => line.split(' ')[4] === '/')
  } catch {
    return true
  }
}

function canReach(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch {
    return false
  }
}
