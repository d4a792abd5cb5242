import { readFileSync } from 'node:fs'

/** Whether systemd runs this process as part of the unit: its control group is named so (cgroups(7)). */
export function isPartOfUnit(unit: string): boolean {
  return readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .some((line) => line.split('/').includes(unit))
}
