/**
 * `npm run package`: build/frameworkd_VERSION_ARCHITECTURE.deb, or in the folder that is named; the
 * same files for the same commit. And the Ansible collection beside it.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { allOurs } from '../src/setup/service/quote.ts'
import { renderTemplate } from '../src/setup/service/render-template.ts'
import { buildCollection } from './package/collection.ts'
import { bashCompletion, programs, zshCompletion } from './package/completion.ts'
import { buildExecutable } from './package/executable.ts'
import { licences } from './package/licences.ts'
import { manualPage, pageNames } from './package/manual.ts'
import { units } from './package/units.ts'

const [folder = 'build'] = process.argv.slice(2)
const stage = `${folder}/package`
const executable = 'usr/lib/frameworkd/frameworkd'

requireTools('dpkg-deb', 'dpkg-shlibdeps', 'strip', 'git', 'ansible-galaxy')
// Modes below are those of the package, whoever builds it.
process.umask(0o022)
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const architecture = output('dpkg', '--print-architecture')
const epoch = process.env.SOURCE_DATE_EPOCH ?? output('git', 'log', '-1', '--format=%ct')
const date = new Date(Number(epoch) * 1000).toISOString().slice(0, 10)

rmSync(folder, { recursive: true, force: true })
mkdirSync(`${folder}/parts`, { recursive: true })
mkdirSync(dirname(`${stage}/${executable}`), { recursive: true })
const bundled = await buildExecutable(`${folder}/parts`, `${stage}/${executable}`, version)

link('usr/lib/frameworkd/frameworkd-setup', 'frameworkd')
for (const { name } of programs) link(`usr/sbin/${name}`, `../lib/frameworkd/${name}`)
for (const { path, text } of units()) put(path, text)
put('usr/lib/systemd/system-preset/50-frameworkd.preset', readFileSync('packaging/frameworkd.preset', 'utf8'))
for (const page of pageNames) put(`usr/share/man/man${page.at(-1)}/${page}.gz`, gzip(manualPage(page, version, date)))
for (const program of programs) {
  put(`usr/share/bash-completion/completions/${program.name}`, bashCompletion(program))
  put(`usr/share/zsh/vendor-completions/_${program.name}`, zshCompletion(program))
}
put('usr/share/doc/frameworkd/copyright', readFileSync('packaging/copyright', 'utf8'))
put('usr/share/doc/frameworkd/THIRD-PARTY-LICENCES.gz', gzip(licences(bundled)))
put('usr/share/doc/frameworkd/changelog.gz', gzip(changelog()))
put('usr/share/lintian/overrides/frameworkd', readFileSync('packaging/lintian-overrides', 'utf8'))
const contents = files(stage)
const installedSize = contents.reduce((sum, path) => sum + Math.ceil(statSync(join(stage, path)).size / 1024), 0)
put('DEBIAN/md5sums', contents.map((path) => `${md5(join(stage, path))}  ${path}\n`).join(''))
for (const script of ['postinst', 'prerm', 'postrm']) {
  put(`DEBIAN/${script}`, readFileSync(`packaging/${script}`, 'utf8'), 0o755)
}
put(
  'DEBIAN/control',
  renderTemplate(
    'control',
    readFileSync('packaging/control', 'utf8'),
    allOurs({ version, architecture, 'installed-size': String(installedSize), depends: sharedLibraries() }),
  ),
)

const file = `${folder}/frameworkd_${version}_${architecture}.deb`
execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', stage, file], {
  env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
  stdio: ['ignore', 'ignore', 'inherit'],
})
const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
console.log(`${sha256}  ${file}  ${(statSync(file).size / 1e6).toFixed(1)} MB`)
console.log(buildCollection(folder, version))

function put(path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(join(stage, path)), { recursive: true })
  writeFileSync(join(stage, path), content)
  chmodSync(join(stage, path), mode)
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(stage, path)), { recursive: true })
  symlinkSync(target, join(stage, path))
}

/** Without a name and a time in its head. */
function gzip(text: string): Buffer {
  return gzipSync(text, { level: 9 })
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

/** What the executable is linked with, as the packages that bring it; the tool wants a source package around it. */
function sharedLibraries(): string {
  const source = join(folder, 'source')
  mkdirSync(join(source, 'debian'), { recursive: true })
  writeFileSync(join(source, 'debian/control'), 'Source: frameworkd\n\nPackage: frameworkd\nArchitecture: any\n')
  const found = execFileSync('dpkg-shlibdeps', ['-O', `-e${resolve(stage, executable)}`], {
    cwd: source,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return found.trim().replace(/^shlibs:Depends=/, '')
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
  console.error(`${missing.join(', ')}: missing; hint: apt-get install dpkg-dev binutils git ansible-core`)
  process.exit(1)
}
