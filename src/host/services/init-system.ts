import type { Host } from '../host.ts'

export type InitSystem = 'systemd' | 'sysv' | 'none'

/**
 * The init system that starts services: on a running machine the one that runs (sd_booted(3)), in a tree the one that
 * is installed there.
 * @param running the machine's init system runs; false where we only have its files
 */
export function findInitSystem(host: Host, running: boolean): InitSystem {
  if (running && isSystemdRunning(host)) return 'systemd'
  const isSystemd = /(^|\/)systemd$/.test(host.files.readLink('/sbin/init') ?? '')
  const hasInit = host.files.stat('/sbin/init') !== undefined
  const hasSystemd = host.files.stat('/usr/lib/systemd/systemd') !== undefined
  if (!running && (isSystemd || (!hasInit && hasSystemd))) return 'systemd'
  return hasInit && !isSystemd && host.files.stat('/etc/init.d')?.isDirectory() ? 'sysv' : 'none'
}

/** sd_booted(3) */
export function isSystemdRunning(host: Host): boolean {
  return host.files.stat('/run/systemd/system')?.isDirectory() === true
}
