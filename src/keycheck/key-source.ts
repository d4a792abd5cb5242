import { KnownError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { Key } from '../key/key.ts'
import { paths, programs } from '../paths.ts'
import type { Settings } from '../settings/resolve.ts'

/** Timeout of alienvault-system-id, which may ask dmidecode. */
const systemIdLimitMs = 10_000

/** A key that neither file nor row holds yet. */
export interface NewKey {
  key: Key
  origin: 'system-id' | 'random'
  /** Why it is a random one, where the system id was expected. */
  warning?: string
}

/**
 * Makes a key: with `auto` the system id, else a random one. Upper case, as frameworkd has it.
 * @throws KnownError `command-failed` when the system id was demanded and cannot be had
 */
export async function makeKey(source: Settings['keySource'], host: Host, signal: AbortSignal): Promise<NewKey> {
  if (source === 'random') return randomKey()
  const asked = await askSystemId(host, signal)
  if (asked.key && !asked.key.isPlaceholder) return { key: asked.key.inUpperCase(), origin: 'system-id' }
  const { problem, installed } = asked.key ? placeholderId : asked
  if (source === 'system-id') {
    throw new KnownError(
      'command-failed',
      problem,
      'repair it and run again, or take a random key: --key-source random',
    )
  }
  const made = await randomKey()
  return installed ? { ...made, warning: `${problem}; the key is a random one` } : made
}

const placeholderId = {
  installed: true,
  problem: 'the system id is one that many machines have: vendors give it to boards without one, so it is no secret',
}

/**
 * Runs alienvault-system-id. It writes its own file when that is missing, so it is never run only to look
 * (readSystemId).
 */
export async function askSystemId(
  host: Host,
  signal: AbortSignal,
): Promise<{ key: Key } | { key?: undefined; installed: boolean; problem: string }> {
  const program = host.commands.find(programs.systemId)
  if (program === undefined) return { installed: false, problem: `${programs.systemId} is not installed` }
  const result = await host.commands.run(program, [], systemIdLimitMs, signal)
  const key = Key.find(result.stdout)
  if (key && result.exitCode === 0) return { key }
  const problem = result.timedOut
    ? `${program} did not answer within ${systemIdLimitMs / 1000} s`
    : `${program} ended with ${result.exitCode ?? 'a signal'}${key ? '' : ' and printed no UUID'}`
  return { installed: true, problem }
}

/** The system id as it is on disk, read without side effects. */
export function readSystemId(host: Host): Key | undefined {
  const bytes = host.files.read(paths.systemId, { followLast: true })?.bytes
  return bytes && Key.find(bytes.toString('latin1'))
}

async function randomKey(): Promise<NewKey> {
  const { randomUUID } = await import('node:crypto')
  const key = Key.find(randomUUID().toUpperCase())
  if (!key) throw new Error('randomUUID did not make a UUID')
  return { key, origin: 'random' }
}
