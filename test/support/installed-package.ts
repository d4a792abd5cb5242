import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../../package.json' with { type: 'json' }

const checkout = fileURLToPath(new URL('../../', import.meta.url))

/** The programs as an installed package has them: the bundle, and neither sources nor node_modules beside it. */
export class InstalledPackage implements Disposable {
  readonly #folder: string

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'frameworkd-installed-'))
    chmodSync(this.#folder, 0o755)
    for (const name of ['package.json', ...packageJson.files]) {
      const source = join(checkout, name)
      if (name !== 'dist' && existsSync(source)) cpSync(source, join(this.#folder, name), { recursive: true })
    }
    execFileSync(process.execPath, ['scripts/build.ts', join(this.#folder, 'dist')], { cwd: checkout })
  }

  program(name: keyof typeof packageJson.bin): string {
    return join(this.#folder, packageJson.bin[name])
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true })
  }
}
