/** The pidfile's second name is made by three: apply, the daemon and, at each boot, systemd. They mean one link. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import { paths } from '../../src/paths.ts'
import { isPidfileLinked, linkPidfile } from '../../src/product/pidfile-link.ts'

class Root implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'frameworkd-link-'))
  readonly host = new Host(this.path)
  readonly link = join(this.path, paths.oldPidfile)

  constructor() {
    mkdirSync(dirname(this.link))
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}

function template(name: string): string {
  return readFileSync(new URL(`../../templates/${name}`, import.meta.url), 'utf8')
}

test('the link leads to the pidfile below any root, and elsewhere where another pidfile was named', () => {
  using root = new Root()
  assert.equal(isPidfileLinked(root.host), false)
  linkPidfile(root.host)
  assert.equal(isPidfileLinked(root.host), true)
  assert.equal(resolve(dirname(root.link), readlinkSync(root.link)), join(root.path, paths.pidfile))
  linkPidfile(root.host, '/run/other/its.pid')
  assert.equal(readlinkSync(root.link), '/run/other/its.pid')
  assert.equal(isPidfileLinked(root.host), false)
})

test('the link that systemd makes at each boot is the one that apply looks for', () => {
  using root = new Root()
  const [, link = '', target = ''] = /^L\+ (\S+) - - - - (\S+)$/m.exec(template('tmpfiles.conf')) ?? []
  symlinkSync(target, join(root.path, link))
  assert.equal(isPidfileLinked(root.host), true)
})

test('the templates name the folder and the pidfile of the daemon', () => {
  assert.ok(template('tmpfiles.conf').includes(`\nd ${paths.run} `))
  assert.ok(template('frameworkd.service').includes(`\nRuntimeDirectory=${paths.run.replace('/run/', '')}\n`))
  assert.ok(template('monit').includes(` with pidfile ${paths.pidfile}\n`))
})
