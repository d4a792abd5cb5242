/**
 * A mark of the machine that made the state. A clone has the state of another machine: that is a warning,
 * but it never blocks a run and never makes a new key. The machine id itself must not be shown to others, so the
 * mark is a keyed hash of it (machine-id(5), sd_id128_get_machine_app_specific(3)).
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Host } from '../host/host.ts'
import { paths } from '../paths.ts'
import { setupCommand } from '../text/command-line.ts'

/** An id of this product, so that other programs get other hashes of the same machine id. */
const applicationId = Buffer.from('6c1f5bd0a8574e0c9d3f71b2e4a09c58', 'hex')

/** The mark of this machine, and that of the machine that made the state. */
interface Marks {
  /** undefined while this machine has no id yet (an image, a container without one) */
  own: string | undefined
  /** undefined where the state has no mark */
  state: string | undefined
}

export function readMarks(host: Host): Marks {
  return { own: ownMark(host), state: stateMark(host) }
}

function ownMark(host: Host): string | undefined {
  const id = host.files.read(paths.machineId, { followLast: true })?.bytes.toString('latin1').trim() ?? ''
  if (!/^[0-9a-f]{32}$/.test(id)) return undefined
  return Buffer.from(hmac(sha256, Buffer.from(id, 'hex'), applicationId)).toString('hex', 0, 16)
}

function stateMark(host: Host): string | undefined {
  return host.files.read(paths.machineMark)?.bytes.toString('latin1').trim()
}

/** A warning where the state was made on another machine. */
export function cloneWarnings({ own, state }: Marks): string[] {
  if (own === undefined || state === undefined || own === state) return []
  // On another machine, and there on itself.
  const seal = `if it is a clone, run ${setupCommand('/', 'seal')} on the original before cloning`
  return [
    `the state in ${paths.state} was made on another machine; ${seal}; if the machine id was changed on purpose, remove ${paths.machineMark}`,
  ]
}
