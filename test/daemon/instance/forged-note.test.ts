/** The lock file is the daemon's account's, which may be taken over: its note is data. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseInstanceNote } from '../../../src/daemon/instance/note.ts'
import { parseStartMessage } from '../../../src/daemon/instance/starter.ts'
import { daemonVerb, provisioned, serve, stop } from '../../support/daemon.ts'
import { leftOut } from '../../support/extent.ts'
import { until } from '../../support/until.ts'

const lock = '/run/frameworkd/lock'

const whole = {
  process: { pid: 4711, startTime: '123', bootId: '01234567-89ab-cdef-0123-456789abcdef' },
  version: '0.1.0',
  startedAt: '2026-11-22T13:54:39.471Z',
  pidfile: '/run/frameworkd/frameworkd.pid',
  keyFingerprint: '0123abcd',
  serves: true,
  listens: { address: '127.0.0.1', port: 40003, waitsFor: '192.0.2.1' },
  drift: 'the row has another key',
  reloads: { ended: 1, running: false, failure: 'the database does not answer' },
}

/** What a stranger could put in place of anything. */
const strange = [
  null,
  true,
  -1,
  0.5,
  1e300,
  '',
  ' ',
  '\x1b]0;owned\x07',
  '127.0.0.1\x1b[2J',
  '/run/a\u202eb',
  '/run/a\u009bb',
  '../../etc/shadow',
  'x'.repeat(100_000),
  [],
  {},
  { pid: '1', startTime: 1, bootId: null },
]

/** Each field of a note, at any depth, as a path. */
function fieldsOf(value: object, path: string[] = []): string[][] {
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = [...path, name]
    return typeof inner === 'object' && inner !== null ? [own, ...fieldsOf(inner, own)] : [own]
  })
}

function withField(path: readonly string[], value: unknown): unknown {
  const copy = structuredClone(whole) as Record<string, unknown>
  const parent = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, copy)
  parent[path.at(-1) ?? ''] = value
  return copy
}

test('a note is believed whole or not at all: no field of it is of another type or pattern', () => {
  assert.deepEqual(parseInstanceNote(whole), whole)
  let refused = 0
  for (const path of fieldsOf(whole)) {
    for (const value of strange) {
      const note = parseInstanceNote(withField(path, value))
      if (note === undefined) refused += 1
      const name = path.join('.')
      const mayStay = {
        serves: [true],
        drift: ['', ' ', '../../etc/shadow'],
        'reloads.running': [true],
        'reloads.failure': ['', ' ', '../../etc/shadow'],
      }[name]
      if (note && !mayStay?.includes(value as never)) assert.fail(`${name}: ${JSON.stringify(value)} was believed`)
    }
  }
  assert.ok(refused > 200)
})

test('status shows nothing of a forged note, and the daemon is found all the same', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  await until(() => JSON.parse(sandbox.read(lock)).serves)
  const note = JSON.parse(sandbox.read(lock))
  for (const field of ['version', 'startedAt', 'pidfile', 'keyFingerprint', 'listens', 'reloads']) {
    writeFileSync(sandbox.path(lock), JSON.stringify({ ...note, [field]: '\x1b[2Jowned' }))
    const text = await daemonVerb(sandbox, 'status')
    assert.deepEqual([text.code, text.stdout], [0, `frameworkd runs, pid ${daemon.child.pid}\n`])
    const json = await daemonVerb(sandbox, 'status', ['--json'])
    assert.deepEqual(JSON.parse(json.stdout), { version: 1, state: 'running', pid: daemon.child.pid })
  }
})

test('no file is touched because a note of a dead daemon names it as its pidfile', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  const note = JSON.parse(sandbox.read(lock))
  await stop(daemon.child, 'SIGKILL')
  execFileSync('mkfifo', [sandbox.path('/fifo')])
  sandbox.write('/secret', `${process.pid}\n`)
  execFileSync('rm', [sandbox.path('/run/frameworkd/frameworkd.pid')])
  for (const pidfile of ['/dev/ptmx', '/fifo', '/secret', '/run/frameworkd/../../secret']) {
    writeFileSync(sandbox.path(lock), JSON.stringify({ ...note, pidfile }))
    const { code, stdout } = await daemonVerb(sandbox, 'status')
    assert.deepEqual([code, stdout], [3, 'frameworkd is not running\n'])
  }
})

test('a lock file with a second name is nobody\u2019s lock', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  linkSync(sandbox.path(lock), sandbox.path('/run/second'))
  for (const verb of ['status', 'start', 'stop']) {
    const { code, stdout, stderr } = await daemonVerb(sandbox, verb)
    assert.equal(code, 4)
    assert.match(stdout + stderr, /\/run\/frameworkd\/lock has a second name/)
  }
  const { code, stderr } = await daemonVerb(sandbox, 'run')
  assert.equal(code, 1)
  assert.match(stderr, /\/run\/frameworkd\/lock has a second name/)
  assert.equal(daemon.child.exitCode, null)
})

test('what a start hears from its daemon is of the daemon\u2019s patterns, or nothing', () => {
  const listens = { address: '127.0.0.1', port: 1 }
  for (const message of [
    { says: 'waiting' },
    { serves: { pid: 1, listens } },
    { ends: { exitCode: 3, text: 'x', code: 'key-lost' } },
  ]) {
    assert.deepEqual(parseStartMessage(JSON.stringify(message)), message)
  }
  for (const line of [
    '',
    'null',
    '[]',
    '{"ends":{"exitCode":"0","text":""}}',
    '{"ends":{"exitCode":4711,"text":""}}',
  ]) {
    assert.equal(parseStartMessage(line), undefined)
  }
})
