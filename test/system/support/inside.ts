/** A tree that is not booted yet: what builds images works in it. */
import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { packageFile } from './appliance.ts'
import type { Tree } from './tree.ts'

/** The package is unpacked and configured in it. */
export function installInside(tree: Tree): void {
  copyFileSync(packageFile().replace('/packages', 'build'), `${tree.root}/root/frameworkd.deb`)
  runInside(tree, 'dpkg --install /root/frameworkd.deb')
}

/** Runs a shell script in its chroot, as who builds an image does. */
export function runInside(tree: Tree, script: string): void {
  const mountProc = 'mount -t proc proc "$0/proc"; exec chroot "$0" sh -ec "$1"'
  execFileSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', mountProc, tree.root, script], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  })
}
