/**
 * What a server may send, packet by packet (MySQL's client/server protocol, "Connection Phase" and
 * "Text Protocol"). The driver trusts what it is sent. So each packet is checked here before the driver
 * gets it: its number, its place in the answer, and how much has come so far.
 */

/** A server sent what the protocol does not allow at this point. The message is ours and quotes nothing. */
export class ProtocolViolation extends Error {}

/** Bytes that a server may send until the login has ended: a greeting and an RSA key take less than 1000. */
const loginLimit = 64 * 1024
/** Bytes and packets that it may send for one statement. Our largest answer is a few rows of 64 KiB in hexadecimal. */
const answerLimit = 4 * 1024 * 1024
const packetLimit = 50_000
/** The same for a statement that reads all stored values: a million of them, or fewer large ones. */
const largeAnswerLimit = 512 * 1024 * 1024
const largePacketLimit = 2_000_000
/** Columns and parameters of a statement: ours have a handful. */
const columnLimit = 64
/** Packets of a login after the greeting: the method's name, its questions, its consent, and the server's OK. */
const loginPacketLimit = 8

const headerLength = 4

/** One packet as it stands on the wire, header and all. */
export interface Packet {
  whole: Buffer
  payload: Buffer
}

/** Splits a stream into packets, and limits the bytes and packets of one answer. */
export class PacketReader {
  /** The bytes between start and end are not read yet; bytes of packets that were handed out are never written over. */
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  #bytesLeft = loginLimit
  #packetsLeft = packetLimit
  /** The number that the next packet must have. */
  #sequence = 0

  /** Some bytes of a packet have come, but not all. */
  get hasPartialPacket(): boolean {
    return this.#end > this.#start
  }

  /** Called when a packet of ours was sent: the numbers of the server's packets continue from its number. */
  follow(sequence: number): void {
    this.#sequence = (sequence + 1) & 0xff
  }

  /** Called when an answer begins: each has limits of its own. @param isLarge it has all stored values */
  beginAnswer(isLarge: boolean): void {
    this.#bytesLeft = isLarge ? largeAnswerLimit : answerLimit
    this.#packetsLeft = isLarge ? largePacketLimit : packetLimit
  }

  /** @throws ProtocolViolation */
  *read(chunk: Buffer): Generator<Packet> {
    this.#bytesLeft -= chunk.length
    if (this.#bytesLeft < 0) throw new ProtocolViolation('it sent more than any answer has')
    this.#append(chunk)
    while (this.#end - this.#start >= headerLength) {
      const length = headerLength + this.#bytes.readUIntLE(this.#start, 3)
      if (length > answerLimit) throw new ProtocolViolation('it sent a packet that is larger than any answer')
      if (this.#bytes[this.#start + 3] !== this.#sequence) throw new ProtocolViolation('it sent packets out of order')
      if (this.#end - this.#start < length) return
      this.#packetsLeft -= 1
      if (this.#packetsLeft < 0) throw new ProtocolViolation('it sent more packets than any answer has')
      this.#sequence = (this.#sequence + 1) & 0xff
      const whole = this.#bytes.subarray(this.#start, this.#start + length)
      this.#start += length
      yield { whole, payload: whole.subarray(headerLength) }
    }
  }

  /** The buffer is doubled when it is full: bytes that come one by one cost no more than those that come at once. */
  #append(chunk: Buffer): void {
    const rest = this.#bytes.subarray(this.#start, this.#end)
    const length = rest.length + chunk.length
    if (rest.length === 0) {
      this.#bytes = chunk
      this.#start = 0
    } else if (this.#end + chunk.length <= this.#bytes.length) {
      chunk.copy(this.#bytes, this.#end)
    } else {
      this.#bytes = Buffer.allocUnsafe(2 * length)
      this.#start = 0
      rest.copy(this.#bytes)
      chunk.copy(this.#bytes, rest.length)
    }
    this.#end = this.#start + length
  }
}

/** Checks an answer while it comes: gets the payload of each packet, ends with its last. @throws ProtocolViolation */
export type Answer = Generator<undefined, void, Buffer>

/** An error packet ends every answer. */
export function isErrorPacket(payload: Buffer): boolean {
  return payload[0] === 0xff
}

/** @returns its number; MySQL's and MariaDB's from 1000 on */
export function errorNumber(payload: Buffer): number {
  if (payload.length < 3) throw new ProtocolViolation('it sent half an error')
  return payload.readUInt16LE(1)
}

/** What the login has to know of the server's first packet. */
export interface Greeting {
  isMariaDb: boolean
  offersTls: boolean
}

/** Capability flags: CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION. */
const [protocol41, ssl, secureConnection] = [0x200, 0x800, 0x8000]
/**
 * The server's capabilities that the driver is told of. Left out are compression, files, several results, session
 * tracking, query attributes, further factors, and MariaDB's own, in the last four fillers.
 */
const usefulCapabilities = [0xff5f, 0x0038] as const

/**
 * Reads the server's first packet.
 * @param whole with its header
 * @returns what it says, and the packet for the driver, with fewer capabilities
 * @throws ProtocolViolation
 */
export function readGreeting(whole: Buffer): Greeting & { packet: Buffer } {
  const packet = Buffer.from(whole)
  if (packet[4] !== 10) throw new ProtocolViolation('it does not greet as a MySQL server does')
  const end = packet.indexOf(0, 5)
  // After the version: connection id, 8 bytes, a filler, flags, charset, status, flags, a length, fillers, 13 bytes.
  if (end === -1 || end > 256 || packet.length < end + 1 + 44) throw new ProtocolViolation('it sent half a greeting')
  const [low, high] = [end + 14, end + 19]
  const flags = packet.readUInt16LE(low)
  if ((flags & protocol41) === 0 || (flags & secureConnection) === 0)
    throw new ProtocolViolation('it speaks a protocol from before MySQL 4.1')
  packet.writeUInt16LE(flags & usefulCapabilities[0], low)
  packet.writeUInt16LE(packet.readUInt16LE(high) & usefulCapabilities[1], high)
  packet.writeUInt32LE(0, high + 9)
  return { isMariaDb: /mariadb/i.test(packet.toString('latin1', 5, end)), offersTls: (flags & ssl) !== 0, packet }
}

/** What a server may ask for during a login (security.ts has the rules). */
export interface LoginRules {
  /** Called when the server names a method; throws where that is not allowed. */
  requireMethod(name: string): void
  /** Called when `caching_sha2_password` wants the password itself; throws where the server must not have it. */
  requirePassword(): void
}

/** The server's packets after our response to the greeting. */
export function* login(rules: LoginRules): Answer {
  for (let count = 0; count < loginPacketLimit; count += 1) {
    const payload: Buffer = yield
    switch (payload[0]) {
      case 0x00:
        return
      case 0x01:
        // "Perform full authentication"; 3 is "yes", anything longer the key that was asked for.
        if (payload[1] === 4) rules.requirePassword()
        break
      case 0xfe: {
        const end = payload.indexOf(0, 1)
        // MySQL 3.23's: without a name.
        rules.requireMethod(payload.toString('latin1', 1, end === -1 ? undefined : end))
        break
      }
      default:
        throw new ProtocolViolation('it answered the login with something else')
    }
  }
  throw new ProtocolViolation('its login does not end')
}

/** The answer to a query, or to the execution of a prepared one. */
export function* resultSet(isBinary: boolean): Answer {
  const first: Buffer = yield
  if (first[0] === 0x00) return requireOk(first)
  // LOAD DATA LOCAL INFILE: any server may ask any client for any file.
  if (first[0] === 0xfb) throw new ProtocolViolation('it asked for a file of this machine')
  const columns = first[0] ?? 0
  if (first.length !== 1 || columns === 0 || columns > columnLimit)
    throw new ProtocolViolation('it sent more columns than were asked for')
  const types = yield* definitions(columns)
  for (;;) {
    const row: Buffer = yield
    if (isEndOfRows(row)) return
    if (isBinary) requireBinaryRow(row, types)
    else requireTexts(row, 0, columns, row.length)
  }
}

/** The answer to the preparation of a statement. */
export function* preparedStatement(): Answer {
  const first: Buffer = yield
  if (first[0] !== 0x00 || first.length < 12) throw new ProtocolViolation('it did not prepare a statement')
  for (const count of [first.readUInt16LE(7), first.readUInt16LE(5)]) {
    if (count > columnLimit) throw new ProtocolViolation('it sent more columns than were asked for')
    if (count > 0) yield* definitions(count)
  }
}

/** How many bytes a value takes in a binary row, by its column's type; a text has its length in front of it. */
const binarySizes: Readonly<Record<number, number | 'text'>> = {
  1: 1,
  2: 2,
  3: 4,
  4: 4,
  5: 8,
  6: 0,
  8: 8,
  9: 4,
  13: 2,
  ...Object.fromEntries([0, 15, 16, 246, 247, 248, 249, 250, 251, 252, 253, 254].map((type) => [type, 'text'])),
}

/** Reads the definitions of columns. @returns their types: only numbers and texts, which is what we ask for */
function* definitions(count: number): Generator<undefined, number[], Buffer> {
  const types: number[] = []
  while (types.length < count) {
    const definition: Buffer = yield
    // Six names; then a length, charset, width, type, flags and decimals, which are 13 bytes.
    const end = requireTexts(definition, 0, 6)
    const type = definition[end + 7]
    if (type === undefined || definition.length < end + 13) throw new ProtocolViolation('it sent half a column')
    if (binarySizes[type] === undefined) throw new ProtocolViolation('it answered with values of another kind')
    types.push(type)
  }
  const end: Buffer = yield
  if (!isEnd(end)) throw new ProtocolViolation('it sent more columns than it had said')
  return types
}

/** An OK packet: two numbers, status and warnings; the text after them is for people. */
function requireOk(payload: Buffer): void {
  let at = 1
  for (let number = 0; number < 2; number += 1) at += sizeOfNumber(payload, at)
  if (payload.length < at + 4) throw new ProtocolViolation('it sent half an answer')
}

function isEnd(payload: Buffer): boolean {
  return payload[0] === 0xfe && payload.length < 9
}

function isEndOfRows(payload: Buffer): boolean {
  if (!isEnd(payload)) return false
  if (payload.length < 5) throw new ProtocolViolation('it sent half an end')
  // SERVER_MORE_RESULTS_EXISTS
  if ((payload.readUInt16LE(3) & 8) !== 0) throw new ProtocolViolation('it sent more results than were asked for')
  return true
}

/** A binary row: a zero, a bit for each NULL (from the third bit on), and the values that are not NULL. */
function requireBinaryRow(row: Buffer, types: readonly number[]): void {
  let at = 1 + ((types.length + 9) >> 3)
  if (row[0] !== 0x00 || row.length < at) throw new ProtocolViolation('it sent half a row')
  for (const [index, type] of types.entries()) {
    const isNull = (row[1 + ((index + 2) >> 3)] ?? 0) & (1 << ((index + 2) & 7))
    const size = isNull ? 0 : binarySizes[type]
    at = size === 'text' ? requireTexts(row, at, 1) : at + (size ?? 0)
  }
  if (at !== row.length) throw new ProtocolViolation('it sent half a row')
}

/** @returns the offset behind the texts. @throws ProtocolViolation when they are cut, or do not end at `wantedEnd` */
function requireTexts(payload: Buffer, start: number, count: number, wantedEnd?: number): number {
  let at = start
  for (let number = 0; number < count; number += 1) {
    const [length, size] = readLength(payload, at)
    at += size + length
    if (at > payload.length) throw new ProtocolViolation('it sent half a text')
  }
  if (wantedEnd !== undefined && at !== wantedEnd) throw new ProtocolViolation('it sent more texts than columns')
  return at
}

/** A length, and how many bytes the length itself takes; that of NULL is 0. */
function readLength(payload: Buffer, at: number): [length: number, size: number] {
  const size = sizeOfNumber(payload, at)
  if (size === 1) return [payload[at] === 0xfb ? 0 : (payload[at] ?? 0), 1]
  if (size > 4) throw new ProtocolViolation('it sent a text that is larger than any answer')
  return [payload.readUIntLE(at + 1, size - 1), size]
}

/** How many bytes a length-encoded number takes. */
function sizeOfNumber(payload: Buffer, at: number): number {
  const first = payload[at] ?? 0xff
  const size = first <= 0xfb ? 1 : { 252: 3, 253: 4, 254: 9 }[first]
  if (size === undefined || at + size > payload.length) throw new ProtocolViolation('it sent half a number')
  return size
}
