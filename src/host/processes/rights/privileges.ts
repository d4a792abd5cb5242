/**
 * An account with uid 0 may still lack root's privileges: in a container without capabilities, or in a user
 * namespace with only one account (capabilities(7), user_namespaces(7)).
 */
import { readFileSync } from 'node:fs'
import type { Ids } from '../../files/look.ts'

/** The capabilities that are needed to give files to accounts and to act as one (linux/capability.h). */
const needed = { CAP_CHOWN: 0, CAP_DAC_OVERRIDE: 1, CAP_FOWNER: 3, CAP_SETGID: 6, CAP_SETUID: 7 } as const

/** The privileges that root lacks here, in words for people; empty when it has all, or /proc does not show them. */
export function missingPrivileges(): string[] {
  const effective = /^CapEff:\t([0-9a-f]+)$/m.exec(readIfThere('/proc/self/status'))?.[1]
  const set = BigInt(effective === undefined ? -1 : `0x${effective}`)
  const missing = Object.entries(needed).filter(([, bit]) => (set & (1n << BigInt(bit))) === 0n)
  const isAlone = ['uid_map', 'gid_map'].some((name) => countIds(name) === 1)
  const mayNotSetGroups = readIfThere('/proc/self/setgroups').trim() === 'deny'
  return [
    ...missing.map(([name]) => name),
    ...(isAlone
      ? ['other accounts in its user namespace']
      : mayNotSetGroups
        ? ['setgroups in its user namespace']
        : []),
  ]
}

/** Whether our user namespace has these ids, so that files can belong to them. */
export function hasIds({ uid, gid }: Ids): boolean {
  return isMapped('uid_map', uid) && isMapped('gid_map', gid)
}

function isMapped(name: string, id: number): boolean {
  const ranges = readMap(name)
  return ranges.length === 0 || ranges.some(([first, count]) => id >= first && id < first + count)
}

function countIds(name: string): number {
  return readMap(name).reduce((sum, [, count]) => sum + count, 0)
}

/** The mapped ranges of ids: the first id of each, and how many. */
function readMap(name: string): [first: number, count: number][] {
  const lines = readIfThere(`/proc/self/${name}`).split('\n')
  return lines.flatMap((line): [number, number][] => {
    const [first, , count] = line.trim().split(/ +/).map(Number)
    return count === undefined ? [] : [[first ?? 0, count]]
  })
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
