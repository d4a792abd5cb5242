import { isAbsolute, resolve } from 'node:path'
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

  /** The rights of an account, where we can take them. */
  rightsOf(ids: Ids): Rights {
    return this.privileged ? rightsOf(ids) : ownRights
  }
}
