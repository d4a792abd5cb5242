import { readFileSync } from 'node:fs'

/** The flags of one of our descriptors, as fcntl(2) has them; undefined where they cannot be seen (proc_pid_fdinfo(5)). */
export function readDescriptorFlags(descriptor: number): number | undefined {
  try {
    const flags = /^flags:\t([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1]
    return flags === undefined ? undefined : Number.parseInt(flags, 8)
  } catch {
    return undefined
  }
}
