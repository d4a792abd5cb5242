import type { Diff } from '../../engine/task.ts'
import { KnownError } from '../../errors.ts'
import type { FileChange } from '../../host/files/files.ts'
import { findWritableByOthers } from '../../host/files/who-can-write.ts'
import type { FileAttributes } from '../../host/files/whole-file.ts'
import type { Host } from '../../host/host.ts'
import { paths, services } from '../../paths.ts'
import { definitionOf, kebabName, type SettingName } from '../../settings/definitions.ts'
import { type ByteText, bytesOf, byteTextOf, readableText } from '../../settings/files/byte-text.ts'
import { whyNotKept } from '../../settings/files/ossim-conf-value.ts'
import { iniValue, nameOfLine, type SettingsFormat, setLines } from '../../settings/files/render.ts'
import { type Settings, textOfValue } from '../../settings/resolve.ts'
import { hasOwnPort, isOneServer, serversOf, usesCommonPort } from '../../settings/values/servers.ts'
import type { Machine, SetupTask } from '../machine.ts'

/** One settings file as it is and as it should be. */
interface FileRewrite {
  path: string
  change: FileChange
  after: ByteText
  /** The names of the lines that are set. */
  names: readonly string[]
}

/**
 * Keeps the settings that were given for this run for later runs: the database connection in ossim.conf, where OSSIM's
 * own programs read it, the rest in frameworkd.ini. Settings that were not given are not rewritten.
 */
export const settings: SetupTask = {
  name: 'settings',
  title: 'Keep the settings',
  tags: ['settings'],
  async plan(machine) {
    const rewrites = [planOssimConf(machine), planSettingsFile(machine)].filter((one) => one !== undefined)
    const warnings = [...machine.settings.warnings, ...readerWarnings(machine)]
    if (rewrites.length === 0) return { outcome: 'ok', summary: 'as given', warnings }
    // Reads the rows first, and fails where they name a path that they may not: nothing is kept of a run that cannot
    // succeed, since OSSIM's other programs depend on ossim.conf.
    await machine.settingsWithRows()
    return {
      outcome: 'change',
      summary: `write ${rewrites.map((rewrite) => rewrite.path).join(' and ')}`,
      diff: rewrites.map(diffOf),
      warnings,
      restarts: services.daemon,
      async apply() {
        for (const { change } of rewrites) change.apply()
      },
    }
  },
}

/** Warnings about an existing file, which keeps its mode: too many accounts may read it, or the service may not. */
function readerWarnings({ host, owner, settings }: Machine): string[] {
  const stats = settings.store === 'mysql' ? host.files.stat(paths.ossimConf) : undefined
  if (!stats) return []
  const place = host.tree.quotedPath(paths.ossimConf)
  const holdsPassword = settings.password?.keep || settings.password?.origin === paths.ossimConf
  const isOpen = holdsPassword && (stats.mode & 0o004) !== 0
  return [
    ...(isOpen ? [`every account can read the password in ${paths.ossimConf}; chmod o= ${place}`] : []),
    ...(host.privileged && !host.files.mayRead(paths.ossimConf, owner)
      ? [`the service cannot read ${paths.ossimConf}; chgrp ${owner.gid} ${place} && chmod g+r ${place}`]
      : []),
  ]
}

function planOssimConf(machine: Machine): FileRewrite | undefined {
  const { settings } = machine
  if (settings.store !== 'mysql') return undefined
  const wanted = new Map<string, ByteText>()
  for (const name of [...settings.given, ...portOfHost(machine)]) {
    const key = definitionOf(name).ossimConf
    const value = () => byteTextOf(textInOssimConf(settings, name))
    if (key !== undefined) wanted.set(key, requireReadable(`the value of ${kebabName(name)}`, value()))
  }
  if (settings.password?.keep)
    wanted.set('ossim_pass', requireReadable('this password', byteTextOf(settings.password.secret.revealBytes())))
  if (wanted.size === 0) return undefined
  wanted.set('ossim_type', 'mysql')
  return planRewrite(machine, paths.ossimConf, 'conf', wanted, {
    mode: 0o640,
    owner: { uid: 0, gid: machine.owner.gid },
  })
}

function planSettingsFile(machine: Machine): FileRewrite | undefined {
  const { settings, request } = machine
  const wanted = new Map<string, ByteText>()
  for (const name of keptInSettingsFile(machine))
    wanted.set(kebabName(name), byteTextOf(iniValue(textOfValue(settings, name))))
  if (wanted.size === 0) return undefined
  requireDecidingPlace(machine, [...settings.given])
  return planRewrite(machine, request.settingsFile, 'ini', wanted, { mode: 0o644, owner: { uid: 0, gid: 0 } })
}

/**
 * A host with its own port (HOST:PORT) sets the port, too. So does a new host where ossim.conf has a port for the old
 * one.
 */
function portOfHost({ host, settings: { given, dbHost } }: Machine): SettingName[] {
  const isGiven = given.has('dbHost') && (hasOwnPort(dbHost) || linesIn(host, paths.ossimConf).has('ossim_port'))
  return isGiven ? ['dbPort'] : []
}

/** The names of the lines of a settings file. */
function linesIn(host: Host, path: string): ReadonlySet<string | undefined> {
  return new Set(
    byteTextOf(host.files.read(path)?.bytes ?? '')
      .split('\n')
      .map(nameOfLine),
  )
}

/** The value of a setting for ossim.conf. OSSIM's other programs know only one server: the first. */
function textInOssimConf(settings: Settings, name: SettingName): string {
  const [first] = serversOf(settings)
  if (name === 'dbHost') return first.host
  return name === 'dbPort' ? String(first.port) : textOfValue(settings, name)
}

/**
 * The settings for frameworkd.ini: those that ossim.conf has no line for or cannot express (several servers), and
 * those that frameworkd.ini has already, since it counts before ossim.conf.
 */
function keptInSettingsFile({ host, settings, request }: Machine): SettingName[] {
  const lines = linesIn(host, request.settingsFile)
  const isHere = (name: SettingName) => lines.has(kebabName(name))
  const portOfHost: SettingName[] = settings.given.has('dbHost') && isHere('dbPort') ? ['dbPort'] : []
  const kept = [...settings.given, ...portOfHost].filter((name) => {
    const { ossimConf, ofRun } = definitionOf(name)
    return !ofRun && (ossimConf === undefined || isHere(name))
  })
  const isList = settings.given.has('dbHost') && !isOneServer(settings.dbHost)
  const several: SettingName[] = isList ? ['dbHost'] : []
  // ossim.conf has the port of the first server, which may be a port of its own.
  if (isList && usesCommonPort(settings.dbHost)) several.push('dbPort')
  return [...new Set([...kept, ...several])]
}

/**
 * Checks that the next run will accept what is written to the settings file.
 * @throws KnownError `configuration` where others than root can write the file: such a file may only set the connection
 */
function requireDecidingPlace({ host, request }: Machine, names: readonly SettingName[]): void {
  const decided = names.filter((name) => !definitionOf(name).connection && !definitionOf(name).ofRun).map(kebabName)
  const open = decided.length > 0 ? findWritableByOthers(host.tree, request.settingsFile) : undefined
  if (open === undefined) return
  const message = `${request.settingsFile} cannot decide about ${decided.join(', ')}: others than root can write ${open}`
  const place = host.tree.quotedPath(open)
  const hint = `chown root ${place}; chmod go-w ${place}; or name another with --config`
  throw new KnownError('configuration', message, hint)
}

function planRewrite(
  { host, owner }: Machine,
  path: string,
  format: SettingsFormat,
  wanted: ReadonlyMap<string, ByteText>,
  attributes: FileAttributes,
): FileRewrite | undefined {
  const before = byteTextOf(host.files.read(path)?.bytes ?? '')
  const after = setLines(before, wanted, format)
  const change = host.files.plan(path, bytesOf(after), { ...attributes, preserveIfOwnedBy: owner })
  return change ? { path, change, after, names: [...wanted.keys()] } : undefined
}

/** @throws KnownError `configuration` for a value that the old readers of ossim.conf would misread */
function requireReadable(what: string, value: ByteText): ByteText {
  const problem = whyNotKept(value)
  if (problem === undefined) return value
  const hint =
    what === 'this password'
      ? 'set another password on the server, or give it as FRAMEWORKD_DB_PASSWORD_FILE'
      : 'give it another name on the server'
  throw new KnownError('configuration', `${paths.ossimConf} cannot hold ${what}: ${problem}`, hint)
}

/** The diff shows only the lines that are set: not everybody may read the rest of the file. */
function diffOf({ path, change, after, names }: FileRewrite): Diff {
  const before = byteTextOf(change.before?.bytes ?? '')
  return { path, before: ownLines(before, after, names), after: ownLines(after, before, names) }
}

/** The lines that are set; for a password only whether it differs. */
function ownLines(text: ByteText, other: ByteText, names: readonly string[]): string {
  const others = other.split('\n')
  return text
    .split('\n')
    .filter((line) => names.includes(nameOfLine(line) ?? ''))
    .map((line) => {
      const name = nameOfLine(line)
      if (name !== 'ossim_pass') return `${readableText(line)}\n`
      return `${name}=${others.includes(line) ? '[hidden]' : '[hidden, differs]'}\n`
    })
    .join('')
}
