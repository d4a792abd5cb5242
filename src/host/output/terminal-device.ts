import { fstatSync } from 'node:fs'

/** Linux's major number of /dev/null, /dev/full and similar devices, which are character devices as terminals are. */
const memoryDevices = 1

/** Whether a descriptor may be a terminal, without loading Node's module tty: Node's stream knows it for certain. */
export function mayBeTerminal(descriptor: number): boolean {
  const stats = fstatSync(descriptor)
  return stats.isCharacterDevice() && stats.rdev >> 8 !== memoryDevices
}
