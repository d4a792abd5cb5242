import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { processesThat, serve, stop, talk } from '../../support/daemon.ts'
import { leftOut, someOf } from '../../support/extent.ts'
import { openLogs } from '../../support/logs.ts'
import { freePort } from '../../support/mariadb.ts'
import { programFile, run } from '../../support/programs.ts'
import { Sandbox } from '../../support/sandbox.ts'
import { isMissing, notRoot } from '../../support/services.ts'
import { until } from '../../support/until.ts'

const folder = '/var/log/ossim'
const log = `${folder}/frameworkd.log`
const errorLog = `${folder}/frameworkd_error.log`
const lineForm = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} Framework \[(DEBUG|INFO|WARNING|ERROR)\]: (.*)$/
const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }

async function provisioned(): Promise<Sandbox> {
  const sandbox = await Sandbox.create('sqlite')
  assert.equal((await sandbox.setup()).code, 0)
  return sandbox
}

function messages(text: string): string[] {
  assert.ok(text === '' || text.endsWith('\n'))
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => lineForm.exec(line)?.[2] ?? assert.fail(`not a line: ${line}`))
}

/** Starts the daemon with a standard error of the test's own. */
async function serveWithStderr(
  sandbox: Sandbox,
  stderr: number,
  env: Record<string, string> = {},
  args: string[] = [],
) {
  const port = await freePort()
  const program = programFile('frameworkd')
  const child = spawn(process.execPath, [program, 'run', '--root', sandbox.root, '--port', String(port), ...args], {
    stdio: ['ignore', 'ignore', stderr],
    env: { PATH: process.env.PATH ?? '', ...env },
  })
  await until(() =>
    existsSync(sandbox.path(log)) ? sandbox.read(log).includes('Listening on') : child.exitCode !== null,
  )
  assert.equal(child.exitCode, null)
  return { child, port }
}

test('each -v goes one step down the ladder, and errors are in both files', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  for (const verbosity of [0, 1, 5]) {
    using logs = openLogs(sandbox, log, { verbosity })
    for (const level of ['debug', 'info', 'warning', 'error'] as const) logs[level](`${level} at ${verbosity}`)
  }
  assert.deepEqual(messages(sandbox.read(log)), [
    ...['info at 0', 'warning at 0', 'error at 0'],
    ...['debug at 1', 'info at 1', 'warning at 1', 'error at 1'],
    ...['debug at 5', 'info at 5', 'warning at 5', 'error at 5'],
  ])
  assert.deepEqual(messages(sandbox.read(errorLog)), ['error at 0', 'error at 1', 'error at 5'])
})

test('a message cannot forge a line', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  using logs = openLogs(sandbox, log)
  logs.info('one\n2026-01-01 00:00:00,000 Framework [ERROR]: two\r\x1b[31m')
  assert.deepEqual(messages(sandbox.read(log)), [
    'one 2026-01-01 00:00:00,000 Framework [ERROR]: two\\u000d\\u001b[31m',
  ])
})

test('the log grows over starts, and its rights only become fewer', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  sandbox.write(log, 'from before\n', 0o666)
  await sandbox.setRow('frameworkd_log_mode', '0640')
  const { child } = await serve(sandbox)
  assert.equal(await stop(child), 0)
  assert.match(sandbox.read(log), /^from before\n.*starting up\.\.\.\n/)
  assert.equal(sandbox.mode(log), '640')
  assert.equal(sandbox.mode(errorLog), '640')
})

test('a line that a crash or a full disk has cut is not continued by the next', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  sandbox.write(log, '2026-01-01 00:00:00,000 Framework [INFO]: half a li')
  using logs = openLogs(sandbox, log)
  logs.info('whole')
  assert.deepEqual(messages(sandbox.read(log)), ['half a li', 'whole'])
})

test('json on request: an object a line, in files and on the console', async () => {
  await using sandbox = await provisioned()
  const { child, port } = await serve(sandbox, ['--log-format', 'json'])
  const console: string[] = []
  child.stderr?.on('data', (text) => console.push(String(text)))
  await talk(port, ['nonsense\n'])
  assert.equal(await stop(child), 0)
  for (const line of [...sandbox.read(log).trim().split('\n'), ...console.join('').trim().split('\n')]) {
    const entry = JSON.parse(line)
    assert.deepEqual(Object.keys(entry), ['time', 'level', 'message'])
    assert.equal(new Date(entry.time).toISOString(), entry.time)
    assert.ok(['info', 'warning'].includes(entry.level))
  }
  const refused = await run('frameworkd', ['run', '--root', sandbox.root, '--log-format', 'xml'])
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /--log-format: "xml" is not one of text, json/)
})

test('on the journal lines have a priority and no time of their own, elsewhere the time', async () => {
  await using sandbox = await provisioned()
  for (const isJournal of [true, false]) {
    rmSync(sandbox.path(log), { force: true })
    const path = sandbox.path(`/stderr-${isJournal}`)
    const descriptor = openSync(path, 'a')
    const { dev, ino } = fstatSync(descriptor, { bigint: true })
    const env = { JOURNAL_STREAM: isJournal ? `${dev}:${ino}` : `${dev}:${ino + 1n}` }
    const { child, port } = await serveWithStderr(sandbox, descriptor, env)
    closeSync(descriptor)
    await talk(port, ['nonsense\n'])
    assert.equal(await stop(child), 0)
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    if (!isJournal) assert.deepEqual(messages(`${lines.join('\n')}\n`), messages(sandbox.read(log)))
    else {
      assert.deepEqual(
        lines.map((line) => line.replace(/^<[46]>Framework \[(INFO|WARNING)\]: /, '')),
        messages(sandbox.read(log)),
      )
      assert.equal(lines.filter((line) => line.startsWith('<4>Framework [WARNING]: 127.0.0.1 sent')).length, 1)
    }
  }
})

test('a console that nobody reads neither holds the daemon up nor keeps it from ending', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  const fifo = sandbox.path('/fifo')
  execFileSync('mkfifo', [fifo])
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  assert.throws(() => {
    for (;;) writeSync(reader, Buffer.alloc(4096, '.'))
  }, /EAGAIN/)
  const writer = openSync(fifo, constants.O_WRONLY)
  const { child, port } = await serveWithStderr(sandbox, writer)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(child), 0)
  closeSync(writer)
  closeSync(reader)
  assert.match(messages(sandbox.read(log)).at(-1) ?? '', /has stopped/)
})

test('a console whose reader has gone is no reason to end', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  const { child, port } = await serve(sandbox)
  child.stderr?.destroy()
  assert.equal(await talk(port, ['nonsense\n']), '')
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(child), 0)
})

test('a full disk drops lines, counts them, and says so when there is room again', needsRoot, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path(folder), { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', sandbox.path(folder)])
  try {
    const logs = openLogs(sandbox, log)
    writeFileSync(sandbox.path(`${folder}/filler`), Buffer.alloc(40 * 1024))
    let sent = 0
    for (; logs.lost < 100; sent += 1) logs.info(`line ${sent + 1}`)
    rmSync(sandbox.path(`${folder}/filler`))
    logs.info('there is room')
    logs.error('for more')
    logs[Symbol.dispose]()
    const found = messages(sandbox.read(log))
    const whole = found.filter((message, index) => message === `line ${index + 1}`).length
    assert.ok(whole > 0)
    assert.equal(whole, sent - 100, 'every line is whole or lost, in the order they were sent')
    assert.deepEqual(found.slice(-3), ['100 log lines were lost', 'there is room', 'for more'])
  } finally {
    execFileSync('umount', [sandbox.path(folder)])
  }
})

test('lines that were lost are counted at the end, too', needsRoot, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path(folder), { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', sandbox.path(folder)])
  try {
    const logs = openLogs(sandbox, log)
    while (logs.lost < 3) logs.info('x'.repeat(1000))
    execFileSync('mount', ['-o', 'remount,size=128k', sandbox.path(folder)])
    logs[Symbol.dispose]()
    assert.equal(messages(sandbox.read(log)).at(-1), '3 log lines were lost')
  } finally {
    execFileSync('umount', [sandbox.path(folder)])
  }
})

test('a removed log is made anew by the next line, without a signal', async () => {
  await using sandbox = await provisioned()
  const { child, port } = await serve(sandbox)
  rmSync(sandbox.path(folder), { recursive: true })
  await talk(port, ['nonsense\n'])
  assert.deepEqual(messages(sandbox.read(log)), ['127.0.0.1 sent an unknown command, closed'])
  assert.equal(await stop(child), 0)
  assert.match(messages(sandbox.read(log)).at(-1) ?? '', /has stopped/)
})

test('a log folder that is a file stops nothing; when it is a folder again, the log says what it lost', {
  skip: leftOut,
}, async () => {
  await using sandbox = await provisioned()
  rmSync(sandbox.path(folder), { recursive: true })
  sandbox.write(folder, 'in the way')
  const { child, port } = await serve(sandbox)
  let console = ''
  child.stderr?.on('data', (text) => (console += text))
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  rmSync(sandbox.path(folder))
  mkdirSync(sandbox.path(folder))
  await talk(port, ['nonsense\n'])
  assert.equal(await stop(child), 0)
  const [loss, first] = messages(sandbox.read(log))
  assert.match(loss ?? '', /^[4-9] log lines were lost$/)
  assert.equal(first, '127.0.0.1 sent an unknown command, closed')
  assert.match(console, /Frameworkd has stopped/)
})

for (const signal of someOf(['SIGHUP', 'SIGUSR2'] as const, 1)) {
  test(`after a rotation by rename, ${signal} goes on in a new file, and no line is lost`, async () => {
    await using sandbox = await provisioned()
    const { child, port } = await serve(sandbox)
    renameSync(sandbox.path(log), sandbox.path(`${log}.1`))
    await talk(port, ['nonsense\n'])
    child.kill(signal)
    await until(() => existsSync(sandbox.path(log)))
    assert.equal(await stop(child), 0)
    assert.equal(messages(sandbox.read(`${log}.1`)).at(-1), '127.0.0.1 sent an unknown command, closed')
    assert.match(messages(sandbox.read(log)).at(-1) ?? '', /has stopped/)
  })
}

test('a rotation that left a link behind keeps the old file', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  using logs = openLogs(sandbox, log)
  sandbox.write('/victim', 'whole\n')
  renameSync(sandbox.path(log), sandbox.path(`${log}.1`))
  symlinkSync(sandbox.path('/victim'), sandbox.path(log))
  logs.reopen()
  assert.match(messages(sandbox.read(`${log}.1`)).join(), /not reopened, the old file is kept: .* is a link/)
  assert.equal(sandbox.read('/victim'), 'whole\n')
})

test('reconfigure goes on elsewhere, or leaves everything as it was', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  using logs = openLogs(sandbox, log)
  logs.info('first')
  logs.reconfigure({ path: '/srv/logs/frameworkd.log', mode: 0o600 })
  logs.error('second')
  sandbox.write('/blocked', 'a file')
  assert.throws(() => logs.reconfigure({ path: '/blocked/frameworkd.log' }), { name: 'KnownError' })
  mkdirSync(sandbox.path('/half/frameworkd_error.log'), { recursive: true })
  assert.throws(() => logs.reconfigure({ path: '/half/frameworkd.log' }), { name: 'KnownError' })
  logs.info('third')
  assert.deepEqual(messages(sandbox.read(log)), ['first'])
  assert.deepEqual(messages(sandbox.read('/srv/logs/frameworkd.log')), ['second', 'third'])
  assert.deepEqual(messages(sandbox.read('/srv/logs/frameworkd_error.log')), ['second'])
  assert.equal(sandbox.mode('/srv/logs/frameworkd.log'), '600')
})

test('a log that cannot be opened is told on the console', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  mkdirSync(sandbox.path(log), { recursive: true })
  const lines: string[] = []
  using logs = openLogs(sandbox, log, { console: { write: (line) => lines.push(line) } })
  logs.error('and the other is written')
  const told = ['No log file: /var/log/ossim/frameworkd.log is a folder', 'and the other is written']
  assert.deepEqual(messages(lines.join('')), told)
  assert.deepEqual(messages(sandbox.read(errorLog)), told.slice(1))
})

test('a mount of the logs whose server dies stops nothing, and each line is a new try', {
  skip: leftOut || notRoot || isMissing('bindfs'),
}, async () => {
  await using sandbox = await provisioned()
  sandbox.write('/disk/there', '')
  const bind = () => execFileSync('bindfs', [sandbox.path('/disk'), sandbox.path(folder)])
  const unbind = () => spawnSync('umount', ['-l', sandbox.path(folder)])
  bind()
  try {
    using served = await serve(sandbox)
    assert.match(sandbox.read('/disk/frameworkd.log'), /Listening on/)
    const server = servers(sandbox.path('/disk'))
    assert.equal(server.length, 1)
    for (const pid of server) process.kill(pid, 'SIGKILL')
    await until(() => servers(sandbox.path('/disk')).length === 0)
    assert.throws(() => sandbox.read(log), { code: 'ENOTCONN' })
    assert.equal(await talk(served.port, ['nonsense\n']), '')
    process.kill(served.child.pid ?? 0, 'SIGUSR2')
    process.kill(served.child.pid ?? 0, 'SIGHUP')
    assert.equal(await talk(served.port, ['ping\n'], 1), 'pong\n')
    await until(async () => JSON.parse(await talk(served.port, ['status\n'], 1)).reloads === 1)
    unbind()
    bind()
    process.kill(served.child.pid ?? 0, 'SIGHUP')
    await until(async () => JSON.parse(await talk(served.port, ['status\n'], 1)).reloads === 2)
    assert.match(sandbox.read('/disk/frameworkd.log'), /\d+ log lines were lost\n(.*\n)*.*\[INFO\]: Reloaded\n/)
    assert.equal(await stop(served.child), 0)
    assert.equal(existsSync(sandbox.path('/run/frameworkd/frameworkd.pid')), false)
  } finally {
    unbind()
  }
})

/** The processes that serve a mount of this folder. */
function servers(source: string): number[] {
  return processesThat((words) => words[0] === 'bindfs' && words.includes(source))
}

for (const [call, error] of someOf(
  [
    ['fstat,newfstatat,statx', 'ESTALE'],
    ['write', 'EIO'],
    ['pread64', 'EIO'],
    ['close', 'EIO'],
  ] as const,
  2,
)) {
  test(`${error} of ${call} for a log file loses lines at most while it lasts`, {
    skip: isMissing('strace'),
  }, async () => {
    await using sandbox = await Sandbox.create('sqlite')
    const program = `
      import { Logs } from ${JSON.stringify(fileURLToPath(new URL('../../../src/daemon/logs/logs.ts', import.meta.url)))}
      import { Host } from ${JSON.stringify(fileURLToPath(new URL('../../../src/host/host.ts', import.meta.url)))}
      const logs = new Logs(new Host(${JSON.stringify(sandbox.root)}), { path: '${log}', mode: 0o644, verbosity: 0, format: 'text' })
      for (let line = 0; line < 20; line += 1) logs.error('line ' + line)
      logs.reopen()
      for (let line = 20; line < 40; line += 1) logs.error('line ' + line)
      logs[Symbol.dispose]()`
    sandbox.write('/program.mjs', program)
    sandbox.write(log, '')
    sandbox.write(errorLog, '')
    const { status, stderr } = spawnSync(
      'strace',
      // Some calls fail, of those that name one of the two files.
      [
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-P',
        sandbox.path(log),
        '-e',
        `inject=${call}:error=${error}:when=5+17`,
        process.execPath,
        sandbox.path('/program.mjs'),
      ],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    const told = sandbox.read(log)
    const lost = [...told.matchAll(/(\d+) log lines were lost/g)].reduce((sum, [, count]) => sum + Number(count), 0)
    const written = [...told.matchAll(/: line \d+\n/g)].length
    assert.ok(written + lost >= 39, told)
    assert.ok(written > 20, told)
  })
}

for (const name of someOf(['-', '/dev/stderr'], 1)) {
  test(`--log ${name}: standard error alone has the log, and a reload is no matter of files`, async () => {
    await using sandbox = await provisioned()
    rmSync(sandbox.path(folder), { recursive: true })
    const file = sandbox.path('/stderr')
    const descriptor = openSync(file, 'w')
    const port = String(await freePort())
    const args = [programFile('frameworkd'), 'run', '--root', sandbox.root, '--port', port, '--log', name]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', descriptor] })
    closeSync(descriptor)
    await until(() => sandbox.read('/stderr').includes('Listening on'))
    for (const signal of ['SIGUSR2', 'SIGHUP'] as const) child.kill(signal)
    await until(() => sandbox.read('/stderr').includes('eload'))
    assert.equal(await stop(child), 0)
    const said = messages(sandbox.read('/stderr'))
    assert.ok(said.includes('Reloaded'), said.join('\n'))
    assert.equal(existsSync(sandbox.path(folder)), false)
  })
}

test('a detached daemon has no standard error, so start and restart refuse --log -', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  for (const verb of ['start', 'restart']) {
    const { code, stderr } = await run('frameworkd', [verb, '--root', sandbox.root, '--log', '-'])
    assert.equal(code, 2)
    assert.match(stderr, /a detached daemon has no standard error/)
    assert.ok(stderr.includes(`frameworkd run --root ${sandbox.root} --log -`), stderr)
  }
})

test('a log file that cannot be had is no reason to keep old settings', { skip: leftOut }, async () => {
  await using sandbox = await provisioned()
  // For root, too.
  mkdirSync(sandbox.path(log))
  using daemon = await serve(sandbox)
  await sandbox.setRow('frameworkd_log_mode', '0644')
  const { code, stderr } = await run('frameworkd', ['reload', '--root', sandbox.root])
  assert.equal(code, 0, stderr)
  // Another place that cannot be had is still a bad configuration.
  await sandbox.setRow('frameworkd_log_mode', '0600')
  const refused = await run('frameworkd', ['reload', '--root', sandbox.root])
  assert.equal(refused.code, 1)
  assert.equal(await stop(daemon.child), 0)
})
