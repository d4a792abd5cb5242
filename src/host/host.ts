import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { programFolders } from '../paths.ts'
import { Commands } from './commands.ts'
import { Files, type Ids } from './files.ts'
import { ownRights, type Rights, rightsOf } from './rights.ts'
import { Tree } from './tree.ts'

/** The machine that is worked on: the running one, or a tree below `--root`. */
export class Host {
  readonly tree: Tree
  readonly files: Files
  readonly commands: Commands
  /** We are root, so that owners can be set. */
  readonly privileged: boolean

  /** @param root absolute or relative to the working folder; `/` for the running machine */
  constructor(root: string) {
    this.privileged = process.geteuid?.() === 0
    this.tree = new Tree(isAbsolute(root) ? resolve(root) : resolve(process.cwd(), root))
    this.files = new Files(this.tree, this.privileged)
    this.commands = new Commands(this.tree, this.privileged)
  }

  /** This is the running machine, not a tree below a root. */
  get isLive(): boolean {
    return this.tree.root === '/'
  }

  /** A path as a program outside the root has to name it. */
  outside(path: string): string {
    return this.isLive ? path : `${this.tree.root}${path}`
  }

  /**
   * The rights of an account, where we can take them. An account that cannot even reach the root
   * (a build's private folder) can plant nothing below it, and our own rights do.
   */
  rightsOf(ids: Ids): Rights {
    if (!this.privileged) return ownRights
    const rights = rightsOf(ids)
    return this.isLive || rights.run(() => canReach(`${this.tree.root}/.`)) ? rights : ownRights
  }

  /** Files that we make are this account's without our doing anything. */
  isOurs(ids: Ids): boolean {
    return ids.uid === process.geteuid?.() && ids.gid === process.getegid?.()
  }

  /** Whether the machine that runs us has /proc mounted. */
  hasProc(): boolean {
    return existsSync('/proc/self/fd')
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

function canReach(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch {
    return false
  }
}
