import { readlinkSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { explainFailure } from './explain-failure.ts'
import { lookAt, othersCanWrite, type Tree } from './tree.ts'

/**
 * Whether an account other than root and ourselves could write a file, or exchange it or a folder above
 * it, up to the root of the tree. Of a link it is asked where it leads.
 * @returns the path below the root that others can write, or undefined; where nothing is, undefined
 */
export function findWritableByOthers(tree: Tree, path: string): string | undefined {
  return explainFailure(path, 'read', () => {
    using entry = tree.open(path, { followLast: true })
    const file = entry && lookAt(entry.folder, entry.name)
    if (!entry || !file) return undefined
    if (othersCanWrite(file)) return path
    // The kernel's own name of the folder: no link is left in it.
    const folder = readlinkSync(`/proc/self/fd/${entry.folder.descriptor}`)
    const top = readlinkOfRoot(tree)
    for (let at = folder; ; at = dirname(at)) {
      if (othersCanWrite(statSync(at))) return below(top, at)
      if (at === top || at === '/') return undefined
    }
  })
}

function readlinkOfRoot(tree: Tree): string {
  using inRoot = tree.open('/any')
  return inRoot ? readlinkSync(`/proc/self/fd/${inRoot.folder.descriptor}`) : '/'
}

function below(top: string, path: string): string {
  return top === '/' ? path : path.slice(top.length) || '/'
}
