/**
 * A fake server that says what a real one said, with something wrong in it, or what nobody would
 * say. A session is what is sent after each packet of the client.
 */
import { connect, createServer, type Socket } from 'node:net'
import {
  type FakeSession,
  greeting,
  ok,
  packet,
  serverError,
  startFakeServer,
  switchTo,
} from '../../support/fake-server.ts'

/** One session of a server. */
export interface Session {
  /** What was done to it, for a message. */
  name: string
  /** What is sent at once, after the first packet of the client, after the second, and so on. */
  answers: readonly Buffer[]
  /** Byte by byte, or as it is. */
  trickles: boolean
  /** What becomes of the connection when there is no more to say. */
  end: 'stay' | 'close' | 'reset'
  /** Sent over and over at the end, as fast as it is taken. */
  flood?: Buffer
}

/** Numbers below one, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What a server on loopback says to a client, by how many packets the client had sent. */
export async function record(serverPort: number, use: (port: number) => Promise<void>): Promise<Buffer[]> {
  const answers: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1')
    let packets = 0
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    // The driver sends each packet by itself.
    client.on('data', (chunk) => {
      packets += 1
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      answers[packets] = Buffer.concat([answers[packets] ?? Buffer.alloc(0), chunk])
      client.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await use(typeof address === 'object' && address ? address.port : 0)
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
  return Array.from(answers, (answer) => answer ?? Buffer.alloc(0))
}

/** Starts a fake server; each connection plays the session that is next then. */
export function startHostileServer(next: () => Session) {
  return startFakeServer('127.0.0.1', async (client) => play(client, next()))
}

/** Plays one session to its end. */
export async function play(client: FakeSession, session: Session): Promise<void> {
  for (const [index, answer] of session.answers.entries()) {
    if (index > 0 && (await client.next()).length === 0) return
    if (session.trickles) for (const byte of answer) await client.sendAndWait(Buffer.from([byte]))
    else if (answer.length > 0) client.sendRaw(answer)
  }
  const { flood } = session
  while (flood && (await client.sendAndWait(flood))) {}
  if (session.end === 'close') client.hangUp()
  if (session.end === 'reset') client.reset()
}

type Random = () => number

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
const below = (random: Random, limit: number) => Math.floor(random() * limit)
const bytes = (random: Random, length: number) => Buffer.from(Array.from({ length }, () => below(random, 256)))

/** The packets of a stream that has nothing else. */
function packetsOf(stream: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at + 4 <= stream.length; ) {
    const end = at + 4 + stream.readUIntLE(at, 3)
    found.push(Buffer.from(stream.subarray(at, end)))
    at = end
  }
  return found
}

/** Errors with what may stand in them: a number, texts for a terminal, and what was sent. */
function errorText(secrets: readonly string[]): string {
  return `\u001b]0;owned\u0007\u001b[31m\r\nhint: run this ${secrets.join(' ')}\u009b2J`
}

/** Ways to spoil the packets of one answer. */
const spoilers: Readonly<Record<string, (packets: Buffer[], random: Random, secrets: readonly string[]) => void>> = {
  'a bit is wrong'(packets, random) {
    const one = pick(random, packets)
    const at = below(random, one.length)
    one[at] = (one[at] ?? 0) ^ (1 << below(random, 8))
  },
  'some bytes are others'(packets, random) {
    const one = pick(random, packets)
    for (let count = 1 + below(random, 8); count > 0; count -= 1) one[below(random, one.length)] = below(random, 256)
  },
  'the payload is random'(packets, random) {
    const at = below(random, packets.length)
    packets[at] = packet(packets[at]?.[3] ?? 0, bytes(random, below(random, 64)))
  },
  'a length is wrong'(packets, random) {
    pick(random, packets).writeUIntLE(below(random, random() < 0.5 ? 2 ** 8 : 2 ** 24), 0, 3)
  },
  'a number is wrong'(packets, random) {
    const one = pick(random, packets)
    one[3] = below(random, 256)
  },
  'a packet is cut'(packets, random) {
    const at = below(random, packets.length)
    const one = packets[at] ?? Buffer.alloc(4)
    const cut = Buffer.from(one.subarray(0, 4 + below(random, one.length - 3)))
    if (random() < 0.5) cut.writeUIntLE(Math.max(0, cut.length - 4), 0, 3)
    packets[at] = cut
  },
  'a packet is missing': (packets, random) => void packets.splice(below(random, packets.length), 1),
  'a packet comes twice': (packets, random) =>
    void packets.splice(below(random, packets.length), 0, Buffer.from(pick(random, packets))),
  'packets have changed places'(packets, random) {
    packets.push(...packets.splice(below(random, packets.length), 1))
  },
  'there is more behind it'(packets, random) {
    packets.push(packet((packets.at(-1)?.[3] ?? 0) + 1, pick(random, [ok, bytes(random, 9), serverError(4031, 'bye')])))
  },
  'it is an error'(packets, random, secrets) {
    const number = random() < 0.5 ? 1000 + below(random, 1000) : below(random, 65536)
    packets.splice(0, packets.length, packet(packets[0]?.[3] ?? 0, serverError(number, errorText(secrets))))
  },
  'it asks for a file': (packets) =>
    void packets.splice(0, packets.length, packet(packets[0]?.[3] ?? 0, Buffer.from('\xfb/etc/shadow', 'latin1'))),
  'there are too many columns'(packets, random) {
    const count = Buffer.from([0xfc, 0, 0])
    count.writeUInt16LE(below(random, 65536), 1)
    packets[0] = packet(packets[0]?.[3] ?? 0, count)
  },
  'it is OK': (packets) => void packets.splice(0, packets.length, packet(packets[0]?.[3] ?? 0, ok)),
  'it wants another login': (packets, random) =>
    void packets.splice(
      0,
      packets.length,
      packet(
        packets[0]?.[3] ?? 0,
        switchTo(pick(random, ['dialog', 'mysql_clear_password', 'sha256_password', '\x1b[2J'])),
      ),
    ),
}

/** A real session with one answer, or several, spoiled. */
export function spoil(recorded: readonly Buffer[], random: Random, secrets: readonly string[]): Session {
  const answers = recorded.map((answer) => Buffer.from(answer))
  const names: string[] = []
  for (let count = 1 + below(random, 2); count > 0; count -= 1) {
    const at = pick(
      random,
      [...answers.keys()].filter((index) => (answers[index]?.length ?? 0) > 0),
    )
    const packets = packetsOf(answers[at] ?? Buffer.alloc(0))
    if (packets.length === 0) continue
    const name = pick(random, Object.keys(spoilers))
    spoilers[name]?.(packets, random, secrets)
    answers[at] = Buffer.concat(packets)
    names.push(`answer ${at}: ${name}`)
  }
  const isCut = random() < 0.1
  return {
    name: names.join(', '),
    answers: isCut ? answers.slice(0, 1 + below(random, answers.length)) : answers,
    trickles: random() < 0.05,
    end: pick(random, ['close', 'close', 'reset', 'stay']),
    ...(random() < 0.1 && { flood: pick(random, floods) }),
  }
}

/** Much of what is right, of what is wrong, and of packets that never end. */
const floods: readonly Buffer[] = [
  Buffer.alloc(64 * 1024),
  Buffer.alloc(64 * 1024, 0xff),
  Buffer.concat(Array.from({ length: 256 * 50 }, (_, index) => packet(index & 0xff, Buffer.from([0xfb])))),
  Buffer.concat(
    Array.from({ length: 256 * 8 }, (_, index) =>
      packet(index & 0xff, Buffer.from('\x03def\0\0\0\x01a\0\x0c\x21\0\0\0\0\0\xfd\0\0\0\0\0', 'latin1')),
    ),
  ),
]

/** A session that no server ever had. */
export function invent(random: Random, secrets: readonly string[]): Session {
  const methods = [
    'mysql_native_password',
    'caching_sha2_password',
    'sha256_password',
    'mysql_clear_password',
    'toString',
    '',
  ]
  const versions = ['8.0.36', '5.5.5-10.11.6-MariaDB', '\x1b]0;x\x07', '9'.repeat(300), '']
  const hello = greeting({ method: pick(random, methods), version: pick(random, versions), tls: random() < 0.1 })
  const payload = (): Buffer =>
    pick(random, [
      () => ok,
      () => bytes(random, below(random, 200)),
      () => Buffer.from([below(random, 65)]),
      () => Buffer.from('\x03def\0\0\0\x01a\0\x0c\x21\0\0\0\0\0\xfd\0\0\0\0\0', 'latin1'),
      () => Buffer.from([0xfe, 0, 0, pick(random, [2, 10]), 0]),
      () => Buffer.from([1, below(random, 6)]),
      () => switchTo(pick(random, methods)),
      () => serverError(below(random, 65536), errorText(secrets)),
      () => Buffer.from([0, 1, 0, 0, 0, below(random, 3), below(random, 9), below(random, 9), 0, 0, 0, 0]),
      () => Buffer.concat([Buffer.from([0xfc, 0xff, 0xff]), bytes(random, 40)]),
    ])()
  const answers = Array.from({ length: 1 + below(random, 8) }, (_, index) => {
    const first = index === 0 ? 0 : index === 1 ? 2 : 1
    const payloads =
      index === 0 && random() < 0.8
        ? [hello]
        : index === 1 && random() < 0.6
          ? [ok]
          : Array.from({ length: 1 + below(random, 6) }, payload)
    return Buffer.concat(payloads.map((one, number) => packet((first + number) & 0xff, one)))
  })
  return {
    name: `invented: ${answers.map((answer) => answer.subarray(0, 24).toString('hex')).join(' ')}`,
    answers,
    trickles: random() < 0.05,
    end: pick(random, ['close', 'close', 'reset', 'stay']),
    ...(random() < 0.1 && { flood: pick(random, floods) }),
  }
}
