/**
 * A C library of our own, for machines whose own is too old. The executable names its loader and the folder
 * of its libraries by absolute paths, so that programs that it starts use those of the machine.
 *
 * - Node is patched after its script was put in: if it were patched before, `--build-sea` would make an executable
 *   that does not start.
 * - `$ORIGIN` needs /proc, and a loader that is called by hand changes `process.execPath`: neither is used.
 * - RPATH, not RUNPATH: what the libraries need and load later (libnss_compat) is looked for there, too.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { programFolder } from './layout.ts'

const folder = `${programFolder}/lib`
/**
 * Debian 9 and 10 look accounts up by `compat` (nsswitch.conf(5)), a library of its own; since this version files and
 * DNS are in libc.so.6 itself.
 */
const libcWithAccounts = '2.34'
const accountsLibrary = 'libnss_compat.so.2'

/** The licences of Debian's source packages, and the files with the whole texts. */
const licencesOfSources = [
  { source: /^glibc$/, licence: 'LGPL-2.1+', text: 'GNU Lesser General Public License 2.1', file: 'LGPL-2.1' },
  {
    source: /^gcc-\d+$/,
    licence: 'GPL-3+ with GCC Runtime Library Exception 3.1',
    text: 'GNU General Public License 3',
    file: 'GPL-3',
  },
]

/** What a package says about its further files. */
export interface Additions {
  /** For its copyright file. */
  copyright: string
  /** Word for word, for a file beside it. */
  notices: string
}

/** Adds the libraries, and makes the executable use them. @returns where they come from, and their notices */
export function addPrivateLibraries(stage: string, executable: string): Additions {
  const program = join(stage, executable)
  const loader = run('patchelf', '--print-interpreter', program)
  const linked = [...run('ldd', program).matchAll(/=> (\/\S+) \(/g)].map((found) => found[1] ?? '')
  const libc = linked.find((path) => basename(path) === 'libc.so.6')
  if (libc === undefined) throw new Error(`${executable} is not linked with libc.so.6`)
  const libraries = [loader, ...linked, join(dirname(libc), accountsLibrary)].sort()
  mkdirSync(join(stage, folder))
  for (const path of libraries) {
    const copy = join(stage, folder, basename(path))
    copyFileSync(realpathSync(path), copy)
    chmodSync(copy, path === loader ? 0o755 : 0o644)
  }
  const ownLoader = `/${folder}/${basename(loader)}`
  run('patchelf', '--set-interpreter', ownLoader, '--force-rpath', '--set-rpath', `/${folder}`, program)
  return describe(libraries)
}

interface Origin {
  name: string
  version: string
  source: string
  sourceVersion: string
}

function describe(libraries: readonly string[]): Additions {
  const origins = libraries.map((path) => ({ file: basename(path), origin: originOf(path) }))
  const packages = [...new Map(origins.map(({ origin }) => [origin.name, origin])).values()]
  const libc = packages.find(({ source }) => source === 'glibc')
  if (!libc || !isAtLeast(libc.sourceVersion, libcWithAccounts)) {
    throw new Error(`the C library of this machine is older than ${libcWithAccounts}; build on Debian 12 or newer`)
  }
  const stanzas = packages.map((origin) => {
    const files = origins.filter((one) => one.origin === origin || one.origin.name === origin.name)
    return stanza(origin, [...new Set(files.map(({ file }) => file))])
  })
  const used = licencesOfSources.filter(({ source }) => packages.some((one) => source.test(one.source)))
  const texts = used.map(
    ({ licence, text, file }) =>
      `\nLicense: ${licence}\n On Debian systems the text of the ${text}\n is in /usr/share/common-licenses/${file}.\n`,
  )
  const notices = packages.map((origin) => {
    const title = `${origin.name} ${origin.version}`
    const text = readFileSync(`/usr/share/doc/${origin.name.replace(/:.*/, '')}/copyright`, 'utf8')
    return `${title}\n${'='.repeat(title.length)}\n\n${text.trim()}\n`
  })
  return { copyright: [...stanzas, ...texts].join(''), notices: notices.join('\n\n') }
}

function stanza({ name, version, source, sourceVersion }: Origin, files: readonly string[]): string {
  const licence = licencesOfSources.find((one) => one.source.test(source))
  if (!licence) throw new Error(`${source}: under which licence it is stands nowhere here`)
  return `
Files: ${files.map((file) => `${folder}/${file}`).join('\n ')}
Copyright: the Free Software Foundation, Inc., and others, named in PRIVATE-LIBRARIES.gz
License: ${licence.licence}
Comment:
 Byte for byte of Debian's package ${name} ${version}.
 Its source is Debian's source package ${source} ${sourceVersion}:
 https://snapshot.debian.org/package/${source}/${sourceVersion}/
 All its notices are in PRIVATE-LIBRARIES.gz beside this file. Another build of
 a library may be put in the place of one of these files.
`
}

/** @throws Error for a file that is in no package: its licence and source would be unknown */
function originOf(path: string): Origin {
  const real = realpathSync(path)
  const names = [path, real, real.replace(/^\/usr/, '')]
  const owner = names.map(ownerOf).find((name) => name !== undefined)
  if (owner === undefined || !existsSync(path)) throw new Error(`${path} is of no Debian package`)
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as dpkg-query(1) wants it
  const format = '${Package}\t${Version}\t${source:Package}\t${source:Version}'
  const [name = '', version = '', source = '', sourceVersion = ''] = run('dpkg-query', '-W', '-f', format, owner).split(
    '\t',
  )
  return { name, version, source, sourceVersion }
}

function ownerOf(path: string): string | undefined {
  try {
    return /^(\S+): /.exec(run('dpkg-query', '-S', path))?.[1]
  } catch {
    return undefined
  }
}

function isAtLeast(version: string, wanted: string): boolean {
  try {
    run('dpkg', '--compare-versions', version, 'ge', wanted)
    return true
  } catch {
    return false
  }
}

function run(command: string, ...args: string[]): string {
  const environment = { ...process.env, LC_ALL: 'C' }
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: environment }).trim()
}
