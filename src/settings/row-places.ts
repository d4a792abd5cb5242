/**
 * A row is data, not authority: whoever can write table `config`, or is the owner's account, must not be
 * able to aim root at a place of their choice. What a row may name:
 *
 * 1. the key file: the default, or a path below /etc/ossim, in a folder that is there
 * 2. the logs: /var/log/ossim or a folder below it, or one that is there and the owner's
 *
 * Another place is for root to name, in frameworkd.ini. And wherever the key file is, but for its default
 * place: what is there is nothing, an empty file, or one that begins like a key file. All verbs come by
 * here with the rows, before anything is made, moved or removed.
 */
import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Ids } from '../host/look.ts'
import { looksLikeKeyFile } from '../key/key-file.ts'
import { paths } from '../paths.ts'
import { quotedForeignText } from '../printable.ts'
import type { Settings } from './resolve.ts'

/** @throws KnownError `configuration` naming the source of the place that is refused */
export function requireAllowedPlaces(settings: Settings, host: Host, owner: Ids): void {
  const { keyFile, logDir, sources } = settings
  if (isOfRow(sources.keyFile)) requireRowKeyFile(keyFile, host)
  if (keyFile !== paths.keyFile) requireNoOtherFile(keyFile, sources.keyFile, host)
  if (isOfRow(sources.logDir)) requireRowLogs(logDir, host, owner)
}

/** A label of rowSource. */
function isOfRow(source: string): boolean {
  return source.startsWith('row ')
}

function requireRowKeyFile(path: string, host: Host): void {
  const refuse = (why: string) => refused('row frameworkd_keyfile of table config', path, why, paths.keyFile)
  if (path === paths.keyFile) return
  if (!isBelow(path, paths.ossimFolder)) throw refuse(`is not below ${paths.ossimFolder}`)
  const folder = firstThatIsNoFolder(path.slice(0, path.lastIndexOf('/')), host)
  if (folder !== undefined) throw refuse(`is below ${folder}, which is not a folder that is there`)
}

function requireNoOtherFile(path: string, source: string, host: Host): void {
  const there = host.files.stat(path)
  if (!there) return
  const isReplaceable = there.isFile() && looksLikeKeyFile(host.files.read(path)?.bytes ?? Buffer.alloc(0))
  if (!isReplaceable) throw refused(source, path, 'names what is not a key file', paths.keyFile)
}

function requireRowLogs(path: string, host: Host, owner: Ids): void {
  const folder = path.replace(/\/+$/, '')
  if (folder === paths.logs || isBelow(folder, paths.logs)) return
  const isPlain = isPlainPath(folder) && firstThatIsNoFolder(folder, host) === undefined
  // What belongs to root does not become the service's because that runs as root.
  if (isPlain && owner.uid !== 0 && host.files.stat(folder)?.uid === owner.uid) return
  const why = `is neither below ${paths.logs} nor a folder of the owner's that is there`
  throw refused('row frameworkd_log_dir of table config', path, why, `${paths.logs}/`)
}

function isBelow(path: string, folder: string): boolean {
  return isPlainPath(path) && path.startsWith(`${folder}/`)
}

function isPlainPath(path: string): boolean {
  return path
    .split('/')
    .slice(1)
    .every((name) => name !== '' && name !== '.' && name !== '..')
}

/** The first part of a path that is missing, a link, or no folder. */
function firstThatIsNoFolder(path: string, host: Host): string | undefined {
  const names = path.split('/').slice(1)
  return names
    .map((_name, index) => `/${names.slice(0, index + 1).join('/')}`)
    .find((folder) => !host.files.stat(folder)?.isDirectory())
}

function refused(source: string, path: string, why: string, usual: string): KnownError {
  const hint = source.startsWith('row ')
    ? `set the row to ${usual}; another place is for root to name, in ${paths.settings}`
    : `name another place, or move away what is there`
  return new KnownError('configuration', `${source}: ${quotedForeignText(path)} ${why}`, hint)
}
