import { execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'

/**
 * A network of its own, with nothing but a loopback that has further addresses: between two of those
 * a connection is like one between two machines. Needs root.
 */
export class PrivateNetwork implements Disposable {
  readonly #holder: ReturnType<typeof spawn>
  #knocker: { stdin: Writable; answers: AsyncIterator<string> } | undefined

  private constructor(holder: ReturnType<typeof spawn>) {
    this.#holder = holder
  }

  static async create(addresses: readonly string[]): Promise<PrivateNetwork> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    const network = new PrivateNetwork(holder)
    network.run('ip', 'link', 'set', 'lo', 'up')
    for (const address of addresses) network.run('ip', 'address', 'add', address, 'dev', 'lo')
    return network
  }

  /** What goes in front of a command, so that it runs in this network. */
  get prefix(): [program: string, ...args: string[]] {
    return ['nsenter', `--net=/proc/${this.#holder.pid}/ns/net`]
  }

  /** Runs a program to its end. @returns what it printed */
  run(...command: string[]): string {
    const [program, ...args] = this.prefix
    return execFileSync(program, [...args, ...command], { encoding: 'utf8' })
  }

  /** Takes a network device of ours. */
  adopt(device: string): void {
    execFileSync('ip', ['link', 'set', device, 'netns', String(this.#holder.pid)])
  }

  /** Connects from one address to another and sends a line. @returns what came until the other side closed or a line was there */
  async knock(from: string, to: string, port: number, line: string): Promise<string> {
    this.#knocker ??= this.#startKnocker()
    const { stdin, answers } = this.#knocker
    stdin.write(`${JSON.stringify({ host: to, port, localAddress: from, line })}\n`)
    const { value } = await answers.next()
    if (value === undefined) throw new Error('who knocks has ended')
    return JSON.parse(value)
  }

  /** One process for all that is asked: a network is one of a process. */
  #startKnocker() {
    const source = `
      const { connect } = require('node:net')
      require('node:readline').createInterface({ input: process.stdin }).on('line', (text) => {
        const { line, ...where } = JSON.parse(text)
        let answer = ''
        const socket = connect(where, () => socket.write(line + '\\n'))
        socket.on('error', () => {}).on('data', (data) => { answer += data; socket.destroy() })
        socket.on('close', () => console.log(JSON.stringify(answer)))
      })`
    const [enter, ...args] = this.prefix
    const { stdin, stdout } = spawn(enter, [...args, process.execPath, '-e', source], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return { stdin, answers: createInterface({ input: stdout })[Symbol.asyncIterator]() }
  }

  [Symbol.dispose](): void {
    this.#knocker?.stdin.end()
    this.#holder.stdin?.end()
  }
}
