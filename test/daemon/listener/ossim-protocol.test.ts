/** What agents and the web interface see: the words of the original, as they stand on the wire. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTally } from '../../faults/support/tally.ts'
import { Client } from '../../support/clients.ts'
import { daemonVerb, provisioned, serve, startDetached, stop } from '../../support/daemon.ts'
import { isLong, leftOut } from '../../support/extent.ts'
import { until } from '../../support/until.ts'

const tally = startTally('agent')

const success = 'errno="0" error="Success." ackend'
const agentsOf = 'control action="getconnectedagents"'

test('an agent connects and stays, is listed while it does, and its next connection takes its place', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  using web = new Client(daemon.port)
  assert.equal(await web.ask(agentsOf), `control getconnectedagents count="0" names="" ${success}`)
  using second = new Client(daemon.port, { from: '127.0.0.3' })
  using first = new Client(daemon.port, { from: '127.0.0.2' })
  assert.equal(await second.ask('control action="connect" id="7" sensor_id="0a" version="5.8"'), 'ok id="7"')
  assert.equal(await first.ask('control action="connect" id="4"'), 'ok id="4"')
  assert.equal(await first.ask('ping'), 'pong')
  assert.equal(
    await web.ask(agentsOf),
    `control getconnectedagents count="2" names="4=127.0.0.2|7=127.0.0.3" ${success}`,
  )
  assert.equal(
    await web.ask('control action="getconnectedagents_p" begin_index="0" end_index="50"'),
    `control getconnectedagents count="2" page_size="2" names="4=127.0.0.2|7=127.0.0.3" ${success}`,
  )
  assert.equal(
    await web.ask('control action="getconnectedagents_p" begin_index="1" end_index="2"'),
    `control getconnectedagents count="2" page_size="1" names="7=127.0.0.3" ${success}`,
  )
  for (const page of ['begin_index="1" end_index="1"', 'begin_index="-1" end_index="x"', '']) {
    assert.match(
      await web.ask(`control action="getconnectedagents_p" ${page}`),
      / errno="-1" error="Invalid page size requested." ackend$/,
    )
  }
  assert.equal(
    await web.ask('control action="gettotalagentsconnected"'),
    `control gettotalagentsconnected count="2" ${success}`,
  )
  using again = new Client(daemon.port, { from: '127.0.0.2' })
  assert.equal(await again.ask('control action="connect" id="5"'), 'ok id="5"')
  first.socket.destroy()
  second.socket.destroy()
  await until(async () => (await web.ask(agentsOf)).includes('count="1" names="5=127.0.0.2"'))
})

test('no id of an agent can forge another entry, or an answer', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  using web = new Client(daemon.port)
  for (const id of ['', '1=10.0.0.1|2', 'a b', '\u001b[2J', 'x'.repeat(65)]) {
    assert.match(await web.ask(`control action="connect" id="${id}"`), / errno="-1" error="Invalid id." ackend$/)
  }
  assert.match(await web.ask(agentsOf), /count="0" names=""/)
})

test('no backup runs, what nobody waits for is taken in silence, and every other word is refused in its form and named once', async () => {
  await using sandbox = await provisioned()
  using daemon = await serve(sandbox)
  using web = new Client(daemon.port)
  const status = 'backup action="backup_status"'
  assert.equal(await web.ask(status), `${status} status="0" ackend`)
  const refresh = 'control action="refresh_inventory_task"'
  assert.equal(await web.ask(refresh), `${refresh} ok`)
  web.socket.write('nagios reload\nrefresh_asset_list id="1"\n')
  assert.equal(await web.ask('ping'), 'pong')
  const restore = 'backup action="backup_restore" begin="20260101"'
  assert.match(
    await web.ask(restore),
    /^backup action="backup_restore" begin="20260101" errno="1" error="[^"]+" ackend$/,
  )
  for (const line of ['control action="unknown_thing" id="3"', 'event type="detector"', 'control']) {
    const answer = await web.ask(line)
    assert.ok(answer.startsWith(`${line} errno="-1" error="`) && answer.endsWith('" ackend'), answer)
    assert.equal(await web.ask(line), answer)
  }
  assert.equal(await web.ask('ping'), 'pong', 'the connection stays')
  assert.equal(await stop(daemon.child), 0)
  const told = sandbox.read('/var/log/ossim/frameworkd.log').match(/Asked for .*, which the original does/g)
  assert.deepEqual(told, [
    'Asked for backup action="backup_restore", which the original does',
    'Asked for control action="unknown_thing", which the original does',
    'Asked for event, which the original does',
    'Asked for control, which the original does',
  ])
})

/** Connects, says who it is, and pings; closed, it tries again for ever, as OSSIM's agents do. */
class Agent implements AsyncDisposable {
  readonly pongs: number[] = []
  readonly connects: number[] = []
  readonly #running: Promise<void>
  #isOver = false

  constructor(port: number, { pingEveryMs, retryEveryMs }: { pingEveryMs: number; retryEveryMs: number }) {
    this.#running = this.#speak(port, pingEveryMs, retryEveryMs)
  }

  async #speak(port: number, pingEveryMs: number, retryEveryMs: number): Promise<void> {
    while (!this.#isOver) {
      using client = new Client(port, { from: '127.0.0.2' })
      const hello = 'control action="connect" id="4" sensor_id="564d1e7a" version="5.8.11"'
      if ((await client.ask(hello)) === 'ok id="4"') this.connects.push(performance.now())
      while (!client.isClosed && !this.#isOver) {
        if ((await client.ask('ping')) === 'pong') this.pongs.push(performance.now())
        const nextPing = performance.now() + pingEveryMs
        while (!client.isClosed && !this.#isOver && performance.now() < nextPing) await sleep(20)
      }
      if (!this.#isOver) await sleep(retryEveryMs)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#running
  }
}

const agentLifeMs = isLong ? 120_000 : 2400

test('an agent stays connected across a reload, finds the daemon again after a restart, and the web interface sees it', {
  skip: leftOut,
}, async (t) => {
  await using sandbox = await provisioned()
  await using daemon = await startDetached(sandbox)
  await using agent = new Agent(daemon.port, {
    pingEveryMs: isLong ? 30_000 : 100,
    retryEveryMs: isLong ? 2000 : 100,
  })
  const isSeen = async () => {
    using web = new Client(daemon.port)
    return (await web.ask(agentsOf)) === `control getconnectedagents count="1" names="4=127.0.0.2" ${success}`
  }
  await until(isSeen)
  const watchFor = async (ms: number) => {
    const end = performance.now() + ms
    for (; performance.now() < end; await sleep(50)) assert.ok(await isSeen())
  }

  await watchFor(agentLifeMs / 3)
  assert.equal((await daemonVerb(sandbox, 'reload', [])).code, 0)
  await watchFor(agentLifeMs / 3)
  assert.equal(agent.connects.length, 1, 'the reload cost no connection')
  const pongs = agent.pongs.length
  const restarted = performance.now()
  assert.equal((await daemonVerb(sandbox, 'restart', ['--port', String(daemon.port)])).code, 0)
  await until(isSeen)
  const seenAgain = performance.now()
  await watchFor(agentLifeMs / 3)
  assert.equal(agent.connects.length, 2, 'the restart cost one')
  assert.ok(agent.pongs.length > pongs)
  tally.add('pings of an agent across a reload and a restart', agent.pongs.length)
  t.diagnostic(
    `${agent.pongs.length} pongs; seen again ${((seenAgain - restarted) / 1000).toFixed(1)} s after the restart`,
  )
})
