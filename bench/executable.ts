import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The executable of the .deb that `npm run package` made; undefined, and told, when there is none. */
export function unpackExecutable(stack: AsyncDisposableStack, skip: (what: string) => void): string | undefined {
  const [file] = globSync('build/frameworkd_*.deb')
  if (file === undefined) {
    skip('the packaged executable: make it with npm run package')
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-bench-package-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  execFileSync('dpkg-deb', ['--extract', file, folder])
  return join(folder, 'usr/sbin/frameworkd-setup')
}
