/**
 * A stand-in for systemd 232, of Debian 9, which cannot be had: that of Debian 11, made to misunderstand
 * what 232 does. The names of what came later are written over in its programs, so that it meets them as what
 * it does not know. It keeps RuntimeDirectory= and removes it at a stop, for it no longer knows that it shall be
 * preserved; `Type=exec` it still knows.
 */
import { globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { firstVersions } from '../../../src/setup/service/systemd-directives.ts'
import type { Tree } from './tree.ts'

const version = 232
/** 232 knows the name, and means something else by it. */
const misunderstood = ['RuntimeDirectory', 'RuntimeDirectoryMode', 'SystemCallFilter']

/** To be called before the machine boots. */
export function installSystemd232StandIn(tree: Tree): void {
  const later = Object.entries(firstVersions).filter(
    ([name, since]) => since > version && !name.includes('=') && !misunderstood.includes(name),
  )
  const forgotten = later.map(([name]) => `Service.${name}`)
  overwrite(tree, '/lib/systemd/systemd', forgotten)
  overwrite(tree, '/lib/systemd/libsystemd-shared-247.so', ['@system-service'])
  // The units of the system itself: those of Debian 9 had no such filter.
  for (const unit of globSync(`${tree.root}/lib/systemd/system/*.service`)) {
    const text = readFileSync(unit, 'utf8')
    const without = text.replace(/^SystemCallFilter=.*\n/gm, '')
    if (without !== text) writeFileSync(unit, without)
  }
  // As it is seen from outside.
  tree.write(`/lib/systemd/libsystemd-shared-${version}.so`, '')
  // It does not wait until it is heard.
  const notify = '/bin/systemd-notify'
  renameSync(tree.root + notify, `${tree.root}${notify}-247`)
  tree.write(notify, `#!/bin/sh\nexec ${notify}-247 --no-block "$@"\n`, 0o755)
  for (const program of ['/bin/kill', '/usr/bin/pgrep', '/usr/bin/pkill']) rmSync(tree.root + program, { force: true })
}

/** Writes over whole strings in a program. @throws Error for one that is not there: then it was known under another name */
function overwrite(tree: Tree, path: string, strings: readonly string[]): void {
  let text = readFileSync(tree.root + path, 'latin1')
  for (const string of strings) {
    const whole = `\0${string}\0`
    if (!text.includes(whole)) throw new Error(`${path} does not hold ${string}`)
    // Only the first letter: other strings may end in the same bytes.
    text = text.replaceAll(whole, `\0~${string.slice(1)}\0`)
  }
  rmSync(tree.root + path)
  writeFileSync(tree.root + path, text, { encoding: 'latin1', mode: 0o755 })
}
