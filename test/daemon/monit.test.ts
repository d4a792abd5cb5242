/** Monit itself, with the file that setup writes for it, on a daemon that is killed and whose pidfile is stale, foreign or lost. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTally } from '../faults/support/tally.ts'
import { daemonVerb, processStatus, provisioned, talk } from '../support/daemon.ts'
import { isLong, leftOut } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { programFile } from '../support/programs.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { isMissing } from '../support/services.ts'
import { until } from '../support/until.ts'

const tally = startTally('monit')

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

/** Somebody else's process, that writes down each signal which it survives. */
function startStranger(sandbox: Sandbox) {
  const heard = sandbox.path('/heard')
  const script = 'for s in HUP INT TERM USR1 USR2; do trap "echo $s >> $1" $s; done; while :; do sleep 0.2; done'
  const child = spawn('sh', ['-c', script, 'sh', heard], { stdio: 'ignore' })
  return {
    pid: child.pid ?? 0,
    assertUntouched() {
      assert.equal(child.exitCode ?? child.signalCode, null)
      assert.equal(existsSync(heard) ? readFileSync(heard, 'latin1') : '', '')
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  }
}

/** What may become of the pidfile of a daemon that was killed; the first one is what a kill leaves. */
const afterKill: ((path: string, stranger: number) => void)[] = [
  () => {},
  (path, stranger) => writeFileSync(path, `${stranger}\n`),
  (path) => rmSync(path),
  (path) => writeFileSync(path, ''),
]

const kills = isLong ? 15 : 2
const killEveryMs = isLong ? 20_000 : 0

test('Monit starts a daemon each time that it was killed, whatever its pidfile says, and touches no stranger', {
  skip: leftOut || isMissing('monit'),
}, async (t) => {
  await using sandbox = await provisioned()
  const port = await freePort()
  using stranger = startStranger(sandbox)
  await using _monit = await watch(sandbox, port)
  const pids = [await untilItServes(sandbox, port)]
  const gaps: number[] = []

  for (let kill = 0; kill < kills; kill += 1) {
    const pid = pids.at(-1) ?? 0
    const killed = performance.now()
    process.kill(pid, 'SIGKILL')
    await until(() => !processStatus(pid))
    afterKill[kill % afterKill.length]?.(sandbox.path(pidfile), stranger.pid)
    pids.push(await untilItServes(sandbox, port, [...pids, stranger.pid]))
    gaps.push(performance.now() - killed)
    stranger.assertUntouched()
    if (kill < kills - 1) await sleep(Math.max(0, killed + killEveryMs - performance.now()))
  }
  assert.equal(new Set(pids).size, kills + 1)
  tally.add('SIGKILL under Monit', kills)
  t.diagnostic(`${kills} kills, down for ${gaps.map((gap) => (gap / 1000).toFixed(1)).join(', ')} s`)

  // Monit looks for the file as long as it does not know the process, which it asks for by its pid from then on.
  const last = pids.at(-1) ?? 0
  rmSync(sandbox.path(pidfile))
  await until(() => pidOf(sandbox) === last)
  writeFileSync(sandbox.path(pidfile), '')
  assert.equal(await untilItServes(sandbox, port), last, 'the same daemon, found again')
  stranger.assertUntouched()
})
