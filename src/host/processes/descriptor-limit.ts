import { readFileSync } from 'node:fs'

/** How many files this process may have open: its soft RLIMIT_NOFILE, which Node raises to the hard one (proc(5)). */
export function readDescriptorLimit(): number {
  const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
  return found ? Number(found[1]) : Number.POSITIVE_INFINITY
}
