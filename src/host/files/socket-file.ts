/**
 * A unix socket inside a root. Its path is walked as every path there, and the socket is then held by a
 * descriptor (O_PATH). So we connect to the socket that was checked, even if another one has its name by then.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'
import { systemCode } from '../../errors.ts'
import { O_PATH, type Tree } from './tree.ts'

export interface SocketFile extends Disposable {
  /** The path to connect to, until this is disposed. */
  readonly at: string
  readonly stats: Stats
  readonly folder: Stats
}

/**
 * @returns undefined when nothing is there
 * @throws KnownError `refused-path` for what is no socket; `task-failed` for an error of the system
 */
export function holdSocket(tree: Tree, path: string): SocketFile | undefined {
  return tree.explainFailure(path, 'read', () => {
    using entry = tree.open(path, { followLast: true })
    const held = entry && hold(entry.at)
    if (held === undefined) return undefined
    const stats = fstatSync(held)
    const folder = entry?.folder.stats ?? stats
    if (stats.isSocket()) return { at: `/proc/self/fd/${held}`, stats, folder, [Symbol.dispose]: () => closeSync(held) }
    closeSync(held)
    throw tree.refusal(path, 'is no socket')
  })
}

function hold(at: string): number | undefined {
  try {
    return openSync(at, O_PATH | constants.O_NOFOLLOW)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
