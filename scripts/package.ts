/**
 * `npm run package`: makes build/frameworkd_VERSION_ARCHITECTURE.deb and build/frameworkd-legacy_…, and the
 * Ansible collection beside them, or in the folder that is named; the same files for the same commit.
 * `--uncompressed` is quicker.
 */
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { ownTexts } from '../src/setup/service/quote.ts'
import { renderTemplate } from '../src/setup/service/render-template.ts'
import { buildCollection } from './package/collection.ts'
import { bashCompletion, fishCompletion, programs, zshCompletion } from './package/completion.ts'
import { buildExecutable } from './package/executable.ts'
import { kinds, type PackageKind, relations } from './package/kinds.ts'
import { executable, programFolder } from './package/layout.ts'
import { licences } from './package/licences.ts'
import { manualPage, pageNames } from './package/manual.ts'
import { units } from './package/units.ts'

const { values: flags, positionals } = parseArgs({
  options: { uncompressed: { type: 'boolean' } },
  allowPositionals: true,
})
const [folder = 'build'] = positionals

requireTools('dpkg-deb', 'dpkg-shlibdeps', 'strip', 'readelf', 'patchelf', 'git', 'ansible-galaxy')
// Modes below are those of the package, whoever builds it.
process.umask(0o022)
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const architecture = output('dpkg', '--print-architecture')
const epoch = process.env.SOURCE_DATE_EPOCH ?? output('git', 'log', '-1', '--format=%ct')
const date = new Date(Number(epoch) * 1000).toISOString().slice(0, 10)

rmSync(folder, { recursive: true, force: true })
mkdirSync(`${folder}/parts`, { recursive: true })
const program = `${folder}/parts/frameworkd`
const bundled = await buildExecutable(`${folder}/parts`, program, version)
const thirdParties = licences(bundled)
// Compressing is most of the work, and takes one processor for each.
for (const line of await Promise.all(kinds.map(build))) console.log(line)
console.log(buildCollection(folder, version))

/** @returns its digest, name and size */
async function build(kind: PackageKind): Promise<string> {
  const stage = `${folder}/packages/${kind.name}`
  lay(stage, kind)
  const file = `${folder}/${kind.name}_${version}_${architecture}.deb`
  const compression = flags.uncompressed ? '-Znone' : '-Zxz'
  await promisify(execFile)('dpkg-deb', ['--root-owner-group', compression, '--build', stage, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
  })
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
  return `${sha256}  ${file}  ${(statSync(file).size / 1e6).toFixed(1)} MB`
}

/** Everything that is in a package, as it is installed. */
function lay(stage: string, kind: PackageKind): void {
  const put = (path: string, content: string | Buffer, mode = 0o644) => {
    mkdirSync(dirname(join(stage, path)), { recursive: true })
    writeFileSync(join(stage, path), content)
    chmodSync(join(stage, path), mode)
  }
  const link = (path: string, target: string) => {
    mkdirSync(dirname(join(stage, path)), { recursive: true })
    symlinkSync(target, join(stage, path))
  }
  mkdirSync(dirname(join(stage, executable)), { recursive: true })
  copyFileSync(program, join(stage, executable))
  const { copyright, notices } = kind.complete(stage)

  link(`${programFolder}/frameworkd-setup`, 'frameworkd')
  for (const { name } of programs) link(`usr/sbin/${name}`, `../lib/frameworkd/${name}`)
  for (const { path, text } of units(kind.systemd)) put(path, text)
  put('usr/lib/systemd/system-preset/50-frameworkd.preset', readFileSync('packaging/frameworkd.preset', 'utf8'))
  for (const page of pageNames) put(`usr/share/man/man${page.at(-1)}/${page}.gz`, gzip(manualPage(page, version, date)))
  for (const program of programs) {
    put(`usr/share/bash-completion/completions/${program.name}`, bashCompletion(program))
    put(`usr/share/zsh/vendor-completions/_${program.name}`, zshCompletion(program))
    put(`usr/share/fish/vendor_completions.d/${program.name}.fish`, fishCompletion(program))
  }
  const documents = `usr/share/doc/${kind.name}`
  put(`${documents}/copyright`, readFileSync('packaging/copyright', 'utf8') + copyright)
  for (const page of ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'docs/first-run.svg', ...globSync('docs/*.md')])
    put(`${documents}/${page}${page.endsWith('.md') ? '.gz' : ''}`, packed(page))
  for (const schema of globSync('docs/schemas/*.json')) put(`${documents}/${schema}`, readFileSync(schema))
  put(`${documents}/THIRD-PARTY-LICENCES.gz`, gzip(thirdParties))
  if (notices !== '') put(`${documents}/PRIVATE-LIBRARIES.gz`, gzip(notices))
  put(`${documents}/changelog.gz`, gzip(changelog()))
  const overrides = readFileSync('packaging/lintian-overrides', 'utf8') + kind.overrides
  put(`usr/share/lintian/overrides/${kind.name}`, overrides)
  const contents = files(stage)
  const installedSize = contents.reduce((sum, path) => sum + Math.ceil(statSync(join(stage, path)).size / 1024), 0)
  put('DEBIAN/md5sums', contents.map((path) => `${md5(join(stage, path))}  ${path}\n`).join(''))
  for (const script of ['postinst', 'prerm', 'postrm']) {
    put(`DEBIAN/${script}`, readFileSync(`packaging/${script}`, 'utf8'), 0o755)
  }
  const control = {
    package: kind.name,
    version,
    architecture,
    'installed-size': String(installedSize),
    relations: relations(kind, stage, version),
    summary: kind.summary,
    brings: kind.brings,
  }
  put('DEBIAN/control', renderTemplate('control', readFileSync('packaging/control', 'utf8'), ownTexts(control)))
}

/** Compresses without a file name and a time in the header, so that two builds are equal. */
function gzip(text: string): Buffer {
  return gzipSync(text, { level: 9 })
}

/** A document as Debian ships it: text is compressed, a picture is not. */
function packed(path: string): string | Buffer {
  const content = readFileSync(path)
  return path.endsWith('.md') ? gzip(content.toString('utf8')) : content
}

/** @throws Error when the newest entry is not of this version */
function changelog(): string {
  const text = readFileSync('packaging/changelog', 'utf8')
  if (!text.startsWith(`frameworkd (${version}) `))
    throw new Error(`packaging/changelog does not begin with ${version}`)
  return text
}

function files(root: string): string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).sort()
}

function md5(path: string): string {
  return createHash('md5').update(readFileSync(path)).digest('hex')
}

function output(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' }).trim()
}

function requireTools(...names: string[]): void {
  const missing = names.filter((name) => {
    try {
      execFileSync('sh', ['-c', 'command -v "$0"', name], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
  if (missing.length === 0) return
  console.error(`${missing.join(', ')}: missing; hint: apt-get install dpkg-dev binutils patchelf git ansible-core`)
  process.exit(1)
}
