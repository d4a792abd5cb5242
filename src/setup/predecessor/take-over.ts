/** Whether the original is taken over on this machine, and the content of its files. */
import { dirname, resolve } from 'node:path'
import type { Host } from '../../host/host.ts'
import type { Machine } from '../machine.ts'
import { listMoved } from '../service/installed.ts'
import { findPredecessor } from './find.ts'
import { asideOf } from './move.ts'

/** A file of the original, with its old content. */
export interface OriginalFile {
  /** Its path before it was moved aside. */
  path: string
  text: string
  mode: number
}

/** Whether an earlier run began the take-over, with consent: no later run has to ask again. */
export function isTakenOver(host: Host): boolean {
  return listMoved(host).size > 0
}

/** Whether the take-over has consent, by this run or an earlier one. */
export function isTakeOverWanted({ host, request }: Machine): boolean {
  return request.takeOver || isTakenOver(host)
}

/**
 * Every file of the original that was moved aside; none where it is not taken over. In check mode also those that
 * task `predecessor` would have moved by now.
 */
export function listOriginals(machine: Machine): OriginalFile[] {
  if (!isTakeOverWanted(machine)) return []
  const { host, request } = machine
  const found = findPredecessor(host)
  const moved = [...listMoved(host).keys()].filter((path) => !found.includes(path))
  return [
    ...(request.check ? readInPlace(host, found) : []),
    ...moved.flatMap((path) => readOriginal(host, path, asideOf(path))),
  ]
}

/** Files of the original that are still at their old paths. */
export function readInPlace(host: Host, found: readonly string[]): OriginalFile[] {
  return found.flatMap((path) => readOriginal(host, path, path))
}

/**
 * Files that are still at their old paths after task `predecessor`, because that task was skipped (`--tags`). There is
 * no copy of them, so nothing may be written over them. Check mode treats all as moved.
 */
export function listNotMoved(machine: Machine): string[] {
  return machine.request.check || !isTakeOverWanted(machine) ? [] : findPredecessor(machine.host)
}

/** The plan of a later task that has to wait until these files are moved. */
export function deferUntilMoved(left: readonly string[]): { outcome: 'deferred'; summary: string } {
  return { outcome: 'deferred', summary: `${left.join(', ')}: task predecessor has to move it aside first` }
}

/** @param at where the file is now. A relative link is resolved from its old path */
function readOriginal({ files }: Host, path: string, at: string): OriginalFile[] {
  const target = files.readLink(at)
  const place = target === undefined ? at : resolve(dirname(path), target)
  if (!files.stat(place)?.isFile()) return []
  const found = files.read(place)
  return found ? [{ path, text: found.bytes.toString('utf8'), mode: found.stats.mode & 0o7777 }] : []
}
