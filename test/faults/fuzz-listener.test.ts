/** The listener is sent what a grammar of lines makes, valid and broken, in any pieces, from many addresses. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { stop, talk } from '../support/daemon.ts'
import { byExtent } from '../support/extent.ts'
import { freePort } from '../support/mariadb.ts'
import { programFile } from '../support/programs.ts'
import { Sandbox } from '../support/sandbox.ts'
import { start } from './support/start.ts'
import { startTally } from './support/tally.ts'

const inputs = byExtent({ long: 10_000_000, all: 100_000, sample: 50_000 })
/** A client's lines are a short pattern of line ends, over and over. */
const patternLimit = 8
const repeatLimit = byExtent({ long: 100, all: 25, sample: 25 })
const clientsAtOnce = 32
/** More than what the process may grow by once it is warm. */
const growthLimitKiB = 48 * 1024

const tally = startTally('fuzzing')

async function startDaemon(sandbox: Sandbox) {
  assert.equal((await sandbox.setup()).code, 0)
  const port = await freePort()
  const args = ['run', '--root', sandbox.root, '--port', String(port)]
  const child = start([process.execPath, programFile('frameworkd'), ...args])
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (text) => /Listening on/.test(String(text)) && resolve())
    child.once('exit', (code) => reject(new Error(`the daemon ended with ${code}`)))
  })
  return { child, port }
}

/** What one client sends: lines that are answered, then perhaps one that is not, and where the stream is cut. */
interface Input {
  valid: readonly string[]
  broken: Buffer | undefined
  cuts: readonly number[]
}

const garbage = fc.oneof(
  fc
    .constantFrom(
      '',
      ' ping',
      'ping ',
      'PING',
      'pingping',
      'ping\r\r',
      '\r',
      'p\0ing',
      'pin',
      'status x',
      '\u{feff}ping',
    )
    .map((text) => Buffer.from(`${text}\n`)),
  fc
    .uint8Array({ minLength: 1, maxLength: 64 })
    .map((bytes) => Buffer.from([...bytes.filter((byte) => byte !== 10), 255, 10])),
  fc.constant(Buffer.from([0xc3, 10])),
  fc.nat(3).map((extra) => Buffer.alloc(64 * 1024 + 1 + extra, 'x')),
)
const input: fc.Arbitrary<Input> = fc.record({
  valid: fc
    .tuple(
      fc.array(fc.constantFrom('ping\n', 'ping\r\n'), { minLength: 1, maxLength: patternLimit }),
      fc.integer({ min: 1, max: repeatLimit }),
    )
    .map(([pattern, times]) => Array.from({ length: times }, () => pattern).flat()),
  broken: fc.option(garbage, { nil: undefined, freq: 3 }),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
})

function piecesOf({ valid, broken, cuts }: Input): Buffer[] {
  const stream = Buffer.concat([Buffer.from(valid.join('')), broken ?? Buffer.alloc(0)])
  const places = [0, ...cuts.map((cut) => Math.floor(cut * stream.length)).sort((x, y) => x - y), stream.length]
  return places.slice(1).map((place, index) => stream.subarray(places[index], place))
}

/** Each has an address of its own, so that neither ports nor places run out. */
async function send(port: number, one: Input, address: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: address, noDelay: true })
  let answer = ''
  socket.on('data', (text) => (answer += text))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  // A reset after the refusal of a line is an end like another.
  socket.on('error', () => {})
  for (const piece of piecesOf(one)) if (piece.length > 0) socket.write(piece)
  socket.end()
  await closed
  return answer
}

function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

test(`of ${inputs} lines, valid ones are answered, broken ones close their client, and memory stays flat`, async (t) => {
  await using sandbox = await Sandbox.create('sqlite')
  const { child, port } = await startDaemon(sandbox)
  const pid = child.pid ?? 0
  let sent = 0
  let connections = 0
  let warmKiB = 0
  const seed = Date.now() % 2 ** 31
  const client = async (index: number) => {
    // Samples are taken by the hundred: to make one is most of the work.
    for (let round = 0; sent < inputs; round += 1) {
      for (const one of fc.sample(input, { numRuns: 100, seed: seed + index * 100_000 + round })) {
        const address = `127.${(index % 200) + 1}.${Math.floor(connections / 250) % 250}.${(connections % 250) + 1}`
        connections += 1
        sent += one.valid.length + (one.broken ? 1 : 0)
        const answer = await send(port, one, address)
        const wanted = 'pong\n'.repeat(one.valid.length)
        // A client that is refused may lose the last answers with its connection: never more than there were.
        const isRight = one.broken ? wanted.startsWith(answer) : answer === wanted
        assert.ok(
          isRight,
          `seed ${seed}: ${JSON.stringify(answer.slice(-40))} of ${answer.length} bytes to ${JSON.stringify({ ...one, valid: one.valid.length })}`,
        )
      }
      if (warmKiB === 0 && sent > inputs / 5) warmKiB = residentKiB(pid)
    }
  }
  await Promise.all(Array.from({ length: clientsAtOnce }, (_, index) => client(index)))
  const endKiB = residentKiB(pid)
  t.diagnostic(
    `${sent} lines on ${connections} connections, resident ${warmKiB} KiB when warm, ${endKiB} KiB at the end, seed ${seed}`,
  )
  assert.ok(endKiB - warmKiB < growthLimitKiB, `it grew from ${warmKiB} to ${endKiB} KiB`)
  assert.equal(await talk(port, ['ping\n'], 1), 'pong\n')
  assert.equal(await stop(child), 0)
  tally.add('lines to the listener', sent)
})

test('however valid lines are cut into pieces, they are answered the same', async () => {
  await using sandbox = await Sandbox.create('sqlite')
  const { child, port } = await startDaemon(sandbox)
  const line = 'ping\r\nping\n'
  const places = line.length - 1
  let splits = 0
  for (let mask = 0; mask < 2 ** places; mask += byExtent({ long: 1, all: 37, sample: 101 })) {
    const cuts = Array.from({ length: places }, (_, index) => index + 1).filter((place) => mask & (1 << (place - 1)))
    const pieces = [...cuts, line.length].map((end, index) => line.slice(index === 0 ? 0 : cuts[index - 1], end))
    assert.equal(await talk(port, pieces, 2), 'pong\npong\n', `cut at ${cuts}`)
    splits += 1
  }
  assert.equal(await stop(child), 0)
  tally.add('ways to cut two lines into pieces', splits)
})
