import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { table } from './figures.ts'

/** The names of the packages that `npm run package` makes. */
const kinds = ['frameworkd', 'frameworkd-legacy'] as const
type Kind = (typeof kinds)[number]

/** The program of a package, where it can be run. */
export interface PackagedProgram {
  kind: Kind
  setup: string
}

/** What is in the packages that were made; what is missing is told. */
export function unpackExecutables(stack: AsyncDisposableStack, skip: (what: string) => void): PackagedProgram[] {
  return kinds.flatMap((kind) => {
    const file = packageFile(kind)
    if (file === undefined) {
      skip(`the packaged executable of ${kind}: make it with npm run package`)
      return []
    }
    const folder = mkdtempSync(join(tmpdir(), 'frameworkd-bench-package-'))
    stack.defer(() => rmSync(folder, { recursive: true }))
    execFileSync('dpkg-deb', ['--extract', file, folder])
    if (kind === 'frameworkd-legacy') leadToLibraries(`${folder}/usr/lib/frameworkd`)
    return [{ kind, setup: join(folder, 'usr/sbin/frameworkd-setup') }]
  })
}

/** How large the packages are, packed and installed; undefined when none was made. */
export function sizesTable(): string | undefined {
  const sizes = kinds.flatMap((kind) => {
    const file = packageFile(kind)
    if (file === undefined) return []
    const installed = execFileSync('dpkg-deb', ['--field', file, 'Installed-Size'], { encoding: 'utf8' })
    return [{ kind, packed: statSync(file).size / 1e6, installed: (Number(installed) * 1024) / 1e6 }]
  })
  const [first] = sizes
  if (!first) return undefined
  return table(
    ['package, MB', 'packed', 'installed', `packed, of ${first.kind}`, `installed, of ${first.kind}`],
    sizes.map(({ kind, packed, installed }) => [
      kind,
      packed.toFixed(1),
      installed.toFixed(1),
      (packed / first.packed).toFixed(2),
      (installed / first.installed).toFixed(2),
    ]),
  )
}

function packageFile(kind: Kind): string | undefined {
  return globSync(`build/${kind}_*.deb`)[0]
}

/** Its loader and libraries stand in it by absolute paths, where they are installed. */
function leadToLibraries(folder: string): void {
  const program = `${folder}/frameworkd`
  const loader = execFileSync('patchelf', ['--print-interpreter', program], { encoding: 'utf8' }).trim()
  const own = loader.replace(/^\/usr\/lib\/frameworkd/, folder)
  execFileSync('patchelf', ['--set-interpreter', own, '--force-rpath', '--set-rpath', `${folder}/lib`, program])
}
