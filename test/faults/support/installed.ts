import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The two programs as a package installs them: the bundles, without the sources. */
export interface Installed extends Disposable {
  path(program: 'frameworkd' | 'frameworkd-setup'): string
}

/** Builds them into a folder of the test's own; a bundle starts in half the time of the sources. */
export function installPrograms(): Installed {
  const repository = fileURLToPath(new URL('../../../', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-installed-'))
  for (const name of ['bin', 'templates', 'package.json'])
    cpSync(join(repository, name), join(folder, name), { recursive: true })
  execFileSync(process.execPath, ['scripts/build.ts', join(folder, 'dist')], { cwd: repository })
  return {
    path: (program) => join(folder, 'bin', `${program}.js`),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
