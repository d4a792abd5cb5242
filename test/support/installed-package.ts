import { execFileSync } from 'node:child_process'
import { chmodSync, constants, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../../package.json' with { type: 'json' }

const checkout = fileURLToPath(new URL('../../', import.meta.url))

/**
 * The programs as an installed package has them: the bundle, without sources and node_modules beside it, and
 * the node that runs this. Every account can run them; a checkout may lie in a folder that is ours alone.
 */
export class InstalledPackage implements Disposable {
  readonly folder: string
  readonly node: string

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'frameworkd-installed-'))
    chmodSync(this.folder, 0o755)
    for (const name of ['package.json', ...packageJson.files]) {
      const source = join(checkout, name)
      if (name !== 'dist' && existsSync(source)) cpSync(source, join(this.folder, name), { recursive: true })
    }
    execFileSync(process.execPath, ['scripts/build.ts', join(this.folder, 'dist')], { cwd: checkout })
    mkdirSync(join(this.folder, 'runtime'))
    this.node = join(this.folder, 'runtime/node')
    copyFileSync(process.execPath, this.node, constants.COPYFILE_FICLONE)
  }

  program(name: keyof typeof packageJson.bin): string {
    return join(this.folder, packageJson.bin[name])
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}
