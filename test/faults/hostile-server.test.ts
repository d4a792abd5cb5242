/**
 * Servers that say anything: real sessions with something wrong in them, and sessions that nobody
 * ever had. Whatever a server says, it is told as a known error, in words of ours, within the limits
 * of time and memory, and the daemon serves on.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Key } from '../../src/key/key.ts'
import { openMysqlStore } from '../../src/store/mysql/mysql.ts'
import { Secret } from '../../src/text/secret.ts'
import { serve, stop, talk } from '../support/daemon.ts'
import { byExtent, isLong } from '../support/extent.ts'
import { type FakeServer, FakeSession } from '../support/fake-server.ts'
import { ended, programFile } from '../support/programs.ts'
import { keyA, password, Sandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import {
  invent,
  play,
  randomNumbers,
  record,
  type Session,
  spoil,
  startHostileServer,
} from './support/hostile-server.ts'
import { start } from './support/start.ts'
import type { SessionOutcome } from './support/store-client.ts'
import { startTally } from './support/tally.ts'

const sessions = byExtent({ long: 6000, all: 200, sample: 100 })
const runs = byExtent({ long: 60, all: 4, sample: 2 })
const reloads = byExtent({ long: 40, all: 4, sample: 2 })
/** What a process may take at its highest, in KiB. */
const memoryLimitKiB = 200 * 1024
const processes = 2
const sessionsAtOnce = 4
const runLimitMs = 60_000

const seed = Number(process.env.FAULTS_SEED ?? Date.now() % 2 ** 31)
const secrets = [password, keyA]
const tally = startTally('hostile server')
let sandbox: Sandbox
let recorded: Buffer[]
let recordedRun: Buffer[]

const mariaDbPort = () => Number(process.env.TEST_MARIADB_PORT)

before(async () => {
  sandbox = await Sandbox.create('mysql')
  await sandbox.addEncrypted(keyA)
  await sandbox.setRow('encryption_key', keyA)
  recorded = await record(mariaDbPort(), lookAtEverything)
  recordedRun = await record(mariaDbPort(), async (port) => {
    assert.equal((await sandbox.setup(['--db-port', String(port)])).code, 0)
  })
})
after(async () => {
  await sandbox[Symbol.asyncDispose]()
})

async function lookAtEverything(port: number): Promise<void> {
  const key = Key.parse(keyA)
  assert.ok(key)
  const { database } = sandbox
  const address = { host: '127.0.0.1', port, database, user: database, password: new Secret(password) }
  await using store = await openMysqlStore(address, { signal: new AbortController().signal })
  await store.schema()
  await store.requireWritable()
  await store.rows()
  await store.examine([key])
  await store.sensors()
  await store.claimRow(key)
}

/** The session with that number, the same for the same seed. */
function sessionOf(number: number, from: readonly Buffer[]): Session {
  const random = randomNumbers(seed + number)
  return number % 3 === 2 ? invent(random, secrets) : spoil(from, random, secrets)
}

/** In all but the long version no session waits for the time limit of ten seconds. */
function withoutWaiting(session: Session): Session {
  return isLong ? session : { ...session, trickles: false, end: session.end === 'stay' ? 'close' : session.end }
}

function peakKiB(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0)
}

/** Nothing for a terminal but lines, nothing that was to be kept. */
function assertClean(text: string, what: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  assert.doesNotMatch(text, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/, what)
  for (const secret of [...secrets, 'owned', 'run this']) assert.ok(!text.includes(secret), what)
}

test(`of ${sessions} sessions with hostile servers each ends with what the server is told to be, in words of ours`, async (t) => {
  let started = 0
  let highestKiB = 0
  const counts = new Map<string, number>()

  /** One process, that meets several servers at once. */
  const clientProcess = async () => {
    const program = fileURLToPath(new URL('support/store-client.ts', import.meta.url))
    const child = spawn(process.execPath, [program, sandbox.database, password, keyA], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (text) => (stderr += text))
    const waiting = new Map<number, (outcome: SessionOutcome | undefined) => void>()
    createInterface({ input: child.stdout }).on('line', (line) => {
      const outcome = JSON.parse(line) as SessionOutcome
      waiting.get(outcome.port)?.(outcome)
    })
    const end = new Promise<number | null>((resolve) => child.once('close', resolve))
    void end.then(() => [...waiting.values()].map((tell) => tell(undefined)))
    const worker = async () => {
      let current: Session | undefined
      await using server: FakeServer = await startHostileServer(() => current as Session)
      while (started < sessions) {
        const number = started
        started += 1
        current = sessionOf(number, recorded)
        const outcome = await new Promise<SessionOutcome | undefined>((resolve) => {
          waiting.set(server.port, resolve)
          child.stdin.write(`${server.port}\n`)
        })
        const what = `FAULTS_SEED=${seed}, session ${number}, ${current.name}`
        assert.ok(outcome, `${what}: the process ended\n${stderr}`)
        assert.equal(outcome.bug, undefined, what)
        for (const { code, text } of outcome.said) {
          assertClean(text, `${what}: ${JSON.stringify(text)}`)
          counts.set(code, (counts.get(code) ?? 0) + 1)
        }
      }
    }
    await Promise.all(Array.from({ length: sessionsAtOnce }, worker))
    highestKiB = Math.max(highestKiB, peakKiB(child.pid ?? 0))
    child.stdin.end()
    assert.equal(await end, 0, stderr)
    assert.equal(stderr, '')
  }

  await Promise.all(Array.from({ length: processes }, clientProcess))
  t.diagnostic(`${JSON.stringify(Object.fromEntries(counts))}, ${highestKiB} KiB at the highest, seed ${seed}`)
  assert.ok(highestKiB < memoryLimitKiB, `${highestKiB} KiB`)
  tally.add('sessions of the driver', sessions)
})

/** Runs a program to its end and watches how much memory it takes. */
async function watchMemory(child: ChildProcess): Promise<() => number> {
  let highest = 0
  const timer = setInterval(() => {
    try {
      highest = Math.max(highest, peakKiB(child.pid ?? 0))
    } catch {}
  }, 10)
  child.once('close', () => clearInterval(timer))
  return () => highest
}

test(`${runs} whole runs against hostile servers end with a known error`, async (t) => {
  let highestKiB = 0
  for (let number = 0; number < runs; number += 1) {
    const session = withoutWaiting(sessionOf(1_000_000 + number, recordedRun))
    await using server = await startHostileServer(() => session)
    const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags, '--db-port', String(server.port)]
    const child = start([process.execPath, programFile('frameworkd-setup'), ...args])
    const highest = await watchMemory(child)
    const timer = setTimeout(() => child.kill('SIGKILL'), runLimitMs)
    const { code, stdout, stderr } = await ended(child)
    clearTimeout(timer)
    const what = `FAULTS_SEED=${seed}, run ${number}, ${session.name}: exit ${code}, ${stderr}`
    // 3: a server may say anything of the key, too.
    assert.ok([0, 1, 2, 3, 75].includes(code ?? -1), what)
    assertClean(stdout + stderr, what)
    assert.doesNotMatch(stderr, /this is a bug/, what)
    highestKiB = Math.max(highestKiB, highest())
    assert.ok(highest() < memoryLimitKiB, `${highest()} KiB: ${what}`)
    tally.add('whole runs of setup', 1)
  }
  t.diagnostic(`${highestKiB} KiB at the highest, seed ${seed}`)
})

test(`a daemon that reloads ${reloads} times against hostile servers serves on, and reloads from the right one`, async (t) => {
  await using own = await Sandbox.create('mysql')
  let session: Session | undefined
  const front = await startFront(() => session)
  assert.equal((await own.setup(['--db-port', String(front.port)])).code, 0)
  using daemon = await serve(own)
  const log = '/var/log/ossim/frameworkd.log'
  const logged = () => own.read(log).match(/Reloaded|Not reloaded/g)?.length ?? 0
  for (let number = 0; number < reloads; number += 1) {
    session = withoutWaiting(sessionOf(2_000_000 + number, recorded))
    const before = logged()
    daemon.child.kill('SIGHUP')
    await until(() => logged() > before)
    assert.equal(await talk(daemon.port, ['ping\n'], 1), 'pong\n', session.name)
    tally.add('reloads of a daemon that serves', 1)
  }
  session = undefined
  const before = logged()
  daemon.child.kill('SIGHUP')
  await until(() => logged() > before)
  const text = own.read(log)
  assert.match(text.trimEnd().split('\n').at(-1) ?? '', /Reloaded|Listening/)
  assertClean(text, text)
  assert.doesNotMatch(text, /a bug/)
  const highestKiB = peakKiB(daemon.child.pid ?? 0)
  t.diagnostic(`${highestKiB} KiB at the highest, seed ${seed}`)
  assert.ok(highestKiB < memoryLimitKiB, `${highestKiB} KiB`)
  assert.equal(await stop(daemon.child), 0)
  await new Promise((resolve) => front.server.close(resolve))
})

/** The real server, or a session of a hostile one where there is one. */
async function startFront(current: () => Session | undefined): Promise<{ server: Server; port: number }> {
  const server = createServer((client) => {
    client.on('error', () => {})
    const session = current()
    if (session) return void play(new FakeSession(client, () => {}), session)
    const upstream = connect(mariaDbPort(), '127.0.0.1')
    upstream.on('error', () => {})
    client.pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, port: typeof address === 'object' && address ? address.port : 0 }
}
