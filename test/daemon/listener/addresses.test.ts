/** Loopback is always served; an address that this machine does not have is waited for, one that goes is given up. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { provisioned } from '../../support/daemon.ts'
import { byExtent, isLong } from '../../support/extent.ts'
import { PrivateNetwork } from '../../support/network.ts'
import { programFile, run } from '../../support/programs.ts'
import { notRoot } from '../../support/services.ts'
import { until } from '../../support/until.ts'

const door = programFile('frameworkd')
const address = '192.0.2.1'
const port = 40003

/** The long version waits until the daemon sees it by itself. */
test('a virtual address that comes and goes is served while it is there, and loopback always', {
  skip: notRoot,
}, async () => {
  await using sandbox = await provisioned()
  await sandbox.setRow('frameworkd_address', address)
  await sandbox.setRow('frameworkd_port', String(port))
  using network = await PrivateNetwork.create([])
  const [program, ...args] = [...network.prefix, process.execPath, door, 'run', '--root', sandbox.root]
  const child = spawn(program, args, { stdio: 'ignore' })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const asks = (to: string) => network.knock(to, to, port, 'ping')
  const log = () => sandbox.read('/var/log/ossim/frameworkd.log')
  const reload = async () => assert.equal((await run('frameworkd', ['reload', '--root', sandbox.root])).code, 0)
  const status = async () => (await run('frameworkd', ['status', '--root', sandbox.root])).stdout
  const isWaiting = (text: string) => text.includes('waiting for the address')
  try {
    await until(async () => (await asks('127.0.0.1')) === 'pong\n')
    assert.match(await status(), /listening on 127\.0\.0\.1 port 40003, waiting for the address 192\.0\.2\.1/)
    for (let move = 0; move < byExtent({ sample: 1, all: 2, long: 2 }); move += 1) {
      network.run('ip', 'address', 'add', `${address}/32`, 'dev', 'lo')
      if (!isLong) await reload()
      await until(async () => !isWaiting(await status()))
      assert.deepEqual([await asks(address), await asks('127.0.0.1')], ['pong\n', 'pong\n'])
      network.run('ip', 'address', 'del', `${address}/32`, 'dev', 'lo')
      if (!isLong) await reload()
      await until(async () => isWaiting(await status()))
      assert.equal(await asks('127.0.0.1'), 'pong\n')
    }
    assert.match(log(), /This machine has the address 192\.0\.2\.1 now, and it is served/)
    assert.equal(child.exitCode, null)
  } finally {
    child.kill('SIGTERM')
  }
  assert.equal(await ended, 0)
})
