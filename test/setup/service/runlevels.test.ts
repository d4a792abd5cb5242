/** What the script of init says of itself, what apply links where update-rc.d is missing, and what uninstall removes. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Host } from '../../../src/host/host.ts'
import { isEnabledInRunlevels, listRunlevelLinks } from '../../../src/setup/service/runlevels.ts'

const header = readFileSync(new URL('../../../templates/frameworkd.init', import.meta.url), 'utf8')

function levelsOf(line: 'Default-Start' | 'Default-Stop'): string[] {
  return new RegExp(`^# ${line}: +(.+)$`, 'm').exec(header)?.[1]?.split(' ') ?? []
}

test('a link in each level that the script names is found, and one to start it there enables it', () => {
  assert.ok(levelsOf('Default-Start').length > 0 && levelsOf('Default-Stop').length > 0)
  for (const [line, kind] of [['Default-Start', 'S'] as const, ['Default-Stop', 'K'] as const])
    for (const level of levelsOf(line)) {
      const root = mkdtempSync(join(tmpdir(), 'frameworkd-runlevels-'))
      try {
        const link = `/etc/rc${level}.d/${kind}03frameworkd`
        mkdirSync(join(root, `/etc/rc${level}.d`), { recursive: true })
        writeFileSync(join(root, link), '')
        const host = new Host(root)
        assert.deepEqual(listRunlevelLinks(host), [link])
        assert.equal(isEnabledInRunlevels(host), kind === 'S')
      } finally {
        rmSync(root, { recursive: true })
      }
    }
})
