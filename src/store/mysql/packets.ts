/**
 * What a server may say, packet by packet (MySQL's client/server protocol, "Connection Phase" and
 * "Text Protocol"). The driver believes what it is sent; so each packet is looked at here before it
 * gets it: its number, its place in the answer, and how much has come so far.
 */

/** What came is not what the protocol allows here. The text is ours and holds nothing of the server's. */
export class ProtocolViolation extends Error {}

/** Bytes that a server may send until the login has ended: a greeting and an RSA key have less than one thousand. */
const loginLimit = 64 * 1024
/** Bytes and packets that it may send for one statement. Our largest answer is some rows of 64 KiB in hexadecimal. */
const answerLimit = 4 * 1024 * 1024
const packetLimit = 50_000
/** The same for a statement that reads all stored values: a million of them, or fewer with much in them. */
const largeAnswerLimit = 512 * 1024 * 1024
const largePacketLimit = 2_000_000
/** Columns and parameters of a statement: ours have a handful. */
const columnLimit = 64
/** Packets of a login behind the greeting: a method is named, it asks, it says yes, and the server does. */
const loginPacketLimit = 8

const headerLength = 4

/** One packet as it stands on the wire, header and all. */
export interface Packet {
  whole: Buffer
  payload: Buffer
}

/** Takes a stream apart into packets, and counts what one answer takes. */
export class PacketReader {
  /** What has come lies between start and end; what was handed out is never written over. */
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  #bytesLeft = loginLimit
  #packetsLeft = packetLimit
  /** The number that the next packet must have. */
  #sequence = 0

  /** There are bytes of a packet that is not whole yet. */
  get hasPart(): boolean {
    return this.#end > this.#start
  }

  /** A packet of ours was sent: the server's count on from its number. */
  follow(sequence: number): void {
    this.#sequence = (sequence + 1) & 0xff
  }

  /** An answer begins: it has a limit of its own. @param isLarge it has all stored values */
  begin(isLarge: boolean): void {
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

  /** Room is doubled: bytes that come one by one cost no more than those that come at once. */
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

/** An answer as it comes: gets the payload of each packet, ends with its last. @throws ProtocolViolation */
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
 * What of its capabilities the driver hears of: not compression, files, several results, session
 * tracking, query attributes, further factors; nor MariaDB's own, in the last four fillers.
 */
const usefulCapabilities = [0xff5f, 0x0038] as const

/**
 * @param whole with its header
 * @returns what it says, and the packet for the driver
 * @throws ProtocolViolation
 */
export function readGreeting(whole: Buffer): Greeting & { packet: Buffer } {
  const packet = Buffer.from(whole)
  if (packet[4] !== 10) throw new ProtocolViolation('it does not greet as a MySQL server does')
  const end = packet.indexOf(0, 5)
  // Behind the version: connection id, 8 bytes, a filler, flags, charset, status, flags, a length, fillers, 13 bytes.
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

/** What a login may ask for, and what it may not (mysql-security.ts has the rules). */
export interface LoginRules {
  /** The server names a method; throws where it is none for here. */
  requireMethod(name: string): void
  /** `caching_sha2_password` wants the password itself; throws where it is not to have it. */
  requirePassword(): void
}

/** From our response to the greeting on. */
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

/** What a query, or the execution of a prepared one, is answered by. */
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

/** What the preparation of a statement is answered by. */
export function* prepared(): Answer {
  const first: Buffer = yield
  if (first[0] !== 0x00 || first.length < 12) throw new ProtocolViolation('it did not prepare a statement')
  for (const count of [first.readUInt16LE(7), first.readUInt16LE(5)]) {
    if (count > columnLimit) throw new ProtocolViolation('it sent more columns than were asked for')
    if (count > 0) yield* definitions(count)
  }
}

/** How many bytes a value has in a binary row, by its column's type; texts have their length in front. */
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

/** @returns the types of the columns: numbers and texts alone, which is what we ask for */
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

/** Two numbers, status and warnings; what follows is for people. */
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

/** A zero, bits of NULLs from the third on, and the other values. */
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

/** @returns where the texts end. @throws ProtocolViolation when they are not whole, or do not end where they should */
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

/** A length, and how many bytes it takes; NULL has none. */
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
