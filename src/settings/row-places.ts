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
import { KnownError, systemCode } from '../errors.ts'
import type { Ids } from '../host/files/look.ts'
import type { Host } from '../host/host.ts'
import { looksLikeKeyFile } from '../key/key-file.ts'
import { paths } from '../paths.ts'
import { quotedForeignText } from '../text/printable.ts'
import { definitionOf } from './definitions.ts'
import { logFolderOf } from './log-files.ts'
import type { Settings } from './resolve.ts'

/** @throws KnownError `configuration` naming the source of the place that is refused */
export function requireAllowedPlaces(settings: Settings, host: Host, owner: () => Ids): void {
  const { keyFile, ofRows } = settings
  const keyPlace = placeOf(settings, 'keyFile')
  if (ofRows.has('keyFile')) requireBelowOssim(keyFile, keyPlace, host)
  if (keyFile !== paths.keyFile) requireNoOtherFile(keyFile, keyPlace, host)
  if (ofRows.has('logDir')) requireLogPlace(logFolderOf(settings), placeOf(settings, 'logDir'), host, owner)
}

/** A place that a setting names, and how it is refused. */
interface Place {
  /** @param why completes "SOURCE: PATH …" */
  refusal(why: string): KnownError
  /** A place that cannot even be looked at (a name that is too long, a file that is too large) is a wrong one. */
  look<T>(work: () => T): T
}

function placeOf(settings: Settings, name: 'keyFile' | 'logDir'): Place {
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

function requireBelowOssim(path: string, place: Place, host: Host): void {
  if (path === paths.keyFile) return
  if (!isBelow(path, paths.ossimFolder)) throw place.refusal(`is not below ${paths.ossimFolder}`)
  const isThere = place.look(() => isPlainFolder(path.slice(0, path.lastIndexOf('/')), host))
  if (!isThere) throw place.refusal('is in a folder that is not there, or behind a link')
}

function requireNoOtherFile(path: string, place: Place, host: Host): void {
  const isOther = place.look(() => {
    const there = host.files.stat(path)
    const isReplaceable =
      !there || (there.isFile() && looksLikeKeyFile(host.files.read(path)?.bytes ?? Buffer.alloc(0)))
    return !isReplaceable
  })
  if (isOther) throw place.refusal('names what is not a key file')
}

function requireLogPlace(folder: string, place: Place, host: Host, owner: () => Ids): void {
  if (folder === paths.logs || isBelow(folder, paths.logs)) return
  if (isPlainPath(folder) && place.look(() => isOwners(folder, host, owner()))) return
  throw place.refusal(`is neither below ${paths.logs} nor a folder of the owner's that is there`)
}

/** What belongs to root does not become the service's because that runs as root. */
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
