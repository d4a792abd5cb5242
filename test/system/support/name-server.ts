import { createSocket } from 'node:dgram'

/** A name server that knows one address for one name (RFC 1035), on an address of loopback. */
export class NameServer implements AsyncDisposable {
  readonly #socket = createSocket('udp4')
  /** How often it was asked for the name. */
  asked = 0

  private constructor(name: string, address: string) {
    const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
    const question = Buffer.concat([...labels, Buffer.from([0])])
    this.#socket.on('message', (message, { port, address: client }) => {
      const asked = message.subarray(12, 12 + question.length + 4)
      const isKnown = asked.subarray(0, question.length).equals(question)
      const isForIpv4 = asked.readUInt16BE(question.length) === 1
      if (isKnown) this.asked += 1
      const answer = isKnown && isForIpv4
      const head = Buffer.from([0, 0, 0x81, isKnown ? 0x80 : 0x83, 0, 1, 0, answer ? 1 : 0, 0, 0, 0, 0])
      message.copy(head, 0, 0, 2)
      // The name as in the question, class IN, no time to live.
      const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]
      this.#socket.send(Buffer.concat([head, asked, ...(answer ? [Buffer.from(record)] : [])]), port, client)
    })
  }

  static async start(at: string, name: string, address: string): Promise<NameServer> {
    const server = new NameServer(name, address)
    await new Promise<void>((resolve) => server.#socket.bind(53, at, resolve))
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve))
  }
}
