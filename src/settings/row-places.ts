/**
 * Which paths a row may name. An attacker who can write table `config`, or has the owner's account, must not
 * be able to make root write to a path of their choice:
 *
 * 1. the key file: the default, or a path below /etc/ossim, in a folder that is there
 * 2. the logs: /var/log/ossim or a folder below it, or one that is there and the owner's
 *
 * Root names any other path in frameworkd.ini. And at a key file path other than the default, whoever named it,
 * there must be nothing, an empty file, or one that begins like a key file. Every verb makes these checks when it
 * has read the rows, before anything is made, moved or removed.
 */
import { KnownError, systemCode } from '../errors.ts'
import type { Ids } from '../host/files/look.ts'
import type { Host } from '../host/host.ts'
import { looksLikeKeyFile } from '../key/key-file.ts'
import { paths } from '../paths.ts'
import { quotedForeignText } from '../text/printable.ts'
import { definitionOf } from './definitions.ts'
import type { Settings } from './resolve.ts'
import { logFolderOf } from './values/log-files.ts'

/** @throws KnownError `configuration` naming the source of the path that is refused */
export function requireAllowedPlaces(settings: Settings, host: Host, owner: () => Ids): void {
  const { keyFile, ofRows } = settings
  const keyPath = namedPath(settings, 'keyFile')
  if (ofRows.has('keyFile')) requireBelowOssim(keyFile, keyPath, host)
  if (keyFile !== paths.keyFile) requireNoOtherFile(keyFile, keyPath, host)
  if (ofRows.has('logDir')) requireLogPlace(logFolderOf(settings), namedPath(settings, 'logDir'), host, owner)
}

/** A path that a setting names, and how it is refused. */
interface NamedPath {
  /** @param why completes "SOURCE: PATH …" */
  refusal(why: string): KnownError
  /** Turns an error of the system (a name that is too long, a file that is too large) into a refusal. */
  look<T>(work: () => T): T
}

function namedPath(settings: Settings, name: 'keyFile' | 'logDir'): NamedPath {
  const hint = settings.ofRows.has(name)
    ? `set the row to ${definitionOf(name).fallback}; another place is for root to name, in ${paths.settings}`
    : 'name another place, or move away what is there'
  const refusal = (why: string) =>
    new KnownError('configuration', `${settings.sources[name]}: ${quotedForeignText(settings[name])} ${why}`, hint)
  return {
    refusal,
    look(work) {
      try {
        return work()
      } catch (error) {
        if (!(error instanceof KnownError)) throw error
        throw refusal(`cannot be looked at (${systemCode(error.cause) ?? error.code})`)
      }
    },
  }
}

function requireBelowOssim(path: string, named: NamedPath, host: Host): void {
  if (path === paths.keyFile) return
  if (!isBelow(path, paths.ossimFolder)) throw named.refusal(`is not below ${paths.ossimFolder}`)
  const isThere = named.look(() => isPlainFolder(path.slice(0, path.lastIndexOf('/')), host))
  if (!isThere) throw named.refusal('is in a folder that is not there, or behind a link')
}

function requireNoOtherFile(path: string, named: NamedPath, host: Host): void {
  const isOther = named.look(() => {
    const there = host.files.stat(path)
    const isReplaceable =
      !there || (there.isFile() && looksLikeKeyFile(host.files.read(path)?.bytes ?? Buffer.alloc(0)))
    return !isReplaceable
  })
  if (isOther) throw named.refusal('names what is not a key file')
}

function requireLogPlace(folder: string, named: NamedPath, host: Host, owner: () => Ids): void {
  if (folder === paths.logs || isBelow(folder, paths.logs)) return
  if (isPlainPath(folder) && named.look(() => isOwners(folder, host, owner()))) return
  throw named.refusal(`is neither below ${paths.logs} nor a folder of the owner's that is there`)
}

/** Whether the folder is the owner's. A folder of root never counts, even where the service runs as root. */
function isOwners(folder: string, host: Host, { uid }: Ids): boolean {
  return uid !== 0 && isPlainFolder(folder, host) && host.files.stat(folder)?.uid === uid
}

/** Every part of the path is a folder that is there, and no link. */
function isPlainFolder(path: string, host: Host): boolean {
  const names = path.split('/').slice(1)
  return names.every((_name, index) => host.files.stat(`/${names.slice(0, index + 1).join('/')}`)?.isDirectory())
}

function isBelow(path: string, folder: string): boolean {
  return isPlainPath(path) && path.startsWith(`${folder}/`)
}

/** Absolute, and without empty names, dots or links up. */
function isPlainPath(path: string): boolean {
  const [before, ...names] = path.split('/')
  return before === '' && names.length > 0 && names.every((name) => !['', '.', '..'].includes(name))
}
