/** Monit itself, with the file that setup writes for it, on a daemon that is killed and whose pidfile is stale, foreign or lost. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { daemonVerb, processStatus, provisioned, talk } from '../support/daemon.ts'
import { freePort } from '../support/mariadb.ts'
import { programFile } from '../support/programs.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { isMissing } from '../support/services.ts'
import { until } from '../support/until.ts'

const pidfile = '/run/frameworkd/frameworkd.pid'
const door = programFile('frameworkd')

/** Monit on a sandbox, looking each second. */
async function watch(sandbox: Sandbox, port: number): Promise<AsyncDisposable> {
  mkdirSync(sandbox.path('/etc/monit/conf.d'), { recursive: true })
  assert.equal((await sandbox.setup()).code, 0)
  const program = sandbox.path('/usr/sbin/frameworkd')
  const verb = `"$1" --root '${sandbox.root}' $([ "$1" != start ] || echo --port ${port})`
  sandbox.write('/usr/sbin/frameworkd', `#!/bin/sh\nexec '${process.execPath}' '${door}' ${verb}\n`, 0o755)
  const check = sandbox
    .read('/etc/monit/conf.d/frameworkd')
    .replaceAll('/usr/sbin/frameworkd', program)
    .replaceAll(pidfile, sandbox.path(pidfile))
    .replaceAll(/port \d+/g, `port ${port}`)
    // As long Monit does not ask a process that is young; the stranger is older.
    .replaceAll('timeout 60 seconds', 'timeout 10 seconds')
  const control = sandbox.path('/monitrc')
  const files = ['id', 'state', 'pid'].map((name) => `set ${name}file ${sandbox.path(`/monit.${name}`)}\n`).join('')
  writeFileSync(control, `set daemon 1\n${files}${check}`)
  chmodSync(control, 0o600)
  const monit = spawn('monit', ['-I', '-c', control], { stdio: 'ignore' })
  return {
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => monit.once('close', resolve))
      monit.kill('SIGTERM')
      await ended
      await daemonVerb(sandbox, 'stop', ['--timeout', '5'])
    },
  }
}

function pidOf(sandbox: Sandbox): number {
  try {
    return Number(readFileSync(sandbox.path(pidfile), 'latin1'))
  } catch {
    return 0
  }
}

async function untilItServes(sandbox: Sandbox, port: number, except: readonly number[] = []): Promise<number> {
  let pid = 0
  await until(async () => {
    pid = pidOf(sandbox)
    if (pid === 0 || except.includes(pid) || !processStatus(pid)) return false
    return (await talk(port, ['ping\n'], 1)) === 'pong\n'
  })
  return pid
}

test('Monit starts a daemon that was killed, whatever its pidfile says, and touches no stranger', {
  skip: isMissing('monit'),
}, async () => {
  await using sandbox = await provisioned()
  const port = await freePort()
  await using _monit = await watch(sandbox, port)
  const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' })
  const first = await untilItServes(sandbox, port)

  process.kill(first, 'SIGKILL')
  const second = await untilItServes(sandbox, port, [first])

  try {
    process.kill(second, 'SIGKILL')
    writeFileSync(sandbox.path(pidfile), `${stranger.pid}\n`)
    const third = await untilItServes(sandbox, port, [second, stranger.pid ?? 0])
    assert.equal(stranger.exitCode ?? stranger.signalCode, null)

    rmSync(sandbox.path(pidfile))
    await until(() => pidOf(sandbox) === third)
    writeFileSync(sandbox.path(pidfile), '')
    assert.equal(await untilItServes(sandbox, port), third, 'the same daemon, found again')
  } finally {
    stranger.kill('SIGKILL')
  }
})
