import { existsSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Sandbox } from './sandbox.ts'

/** Has the root look as if this init system was installed there. */
export function installInit(sandbox: Sandbox, init: 'systemd' | 'sysv'): void {
  if (init === 'sysv') {
    sandbox.write('/sbin/init', '', 0o755)
    mkdirSync(sandbox.path('/etc/init.d'), { recursive: true })
    return
  }
  link(sandbox, '/sbin/init', '/lib/systemd/systemd')
}

export function link(sandbox: Sandbox, path: string, target: string): void {
  mkdirSync(dirname(sandbox.path(path)), { recursive: true })
  symlinkSync(target, sandbox.path(path))
}

export function linkTarget(sandbox: Sandbox, path: string): string {
  return readlinkSync(sandbox.path(path))
}

/** Why a test that runs this program is skipped; false when it is there. */
export function isMissing(program: string): string | false {
  const found = ['/usr/sbin', '/usr/bin'].some((folder) => existsSync(`${folder}/${program}`))
  return found ? false : `${program} is not installed`
}

export const notRoot = process.getuid?.() !== 0 && 'needs root'
