/** Whether the original is taken over on this machine, and what its files said. */
import { dirname, resolve } from 'node:path'
import type { Host } from '../../host/host.ts'
import type { Machine } from '../machine.ts'
import { listMoved } from '../service/installed.ts'
import { findPredecessor } from './find.ts'
import { asideOf } from './move.ts'

/** A file of the original, as it was. */
export interface OriginalFile {
  /** Where it was, or still is. */
  path: string
  text: string
  mode: number
}

/** Somebody agreed, and the work was at least begun: no other run has to be asked again. */
export function isTakenOver(host: Host): boolean {
  return listMoved(host).size > 0
}

/** It was agreed to, in this run or an earlier one. */
export function isTakeOverWanted({ host, request }: Machine): boolean {
  return request.takeOver || isTakenOver(host)
}

/**
 * Every file of the original that was moved aside; none where it is not taken over. Check mode has those too that
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

/** Files of the original that stand where they always stood. */
export function readInPlace(host: Host, found: readonly string[]): OriginalFile[] {
  return found.flatMap((path) => readOriginal(host, path, path))
}

/**
 * What is in its place still when the tasks after `predecessor` come, since that task was left out: there is no copy
 * of it, so nothing may be written over it. Check mode takes all of it for moved.
 */
export function listLeft(machine: Machine): string[] {
  return machine.request.check || !isTakeOverWanted(machine) ? [] : findPredecessor(machine.host)
}

/** What a later task says where it has to wait for that. */
export function waitsFor(left: readonly string[]): { outcome: 'deferred'; summary: string } {
  return { outcome: 'deferred', summary: `${left.join(', ')}: task predecessor has to move it aside first` }
}

/** @param at where it is now. A link is read where it led to when it was in its place */
function readOriginal({ files }: Host, path: string, at: string): OriginalFile[] {
  const target = files.readLink(at)
  const place = target === undefined ? at : resolve(dirname(path), target)
  if (!files.stat(place)?.isFile()) return []
  const found = files.read(place)
  return found ? [{ path, text: found.bytes.toString('utf8'), mode: found.stats.mode & 0o7777 }] : []
}
