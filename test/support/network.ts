import { execFileSync, spawn } from 'node:child_process'

/**
 * A network of its own, with nothing but a loopback that has further addresses: between two of those
 * a connection is like one between two machines. Needs root.
 */
export class PrivateNetwork implements Disposable {
  readonly #holder: ReturnType<typeof spawn>

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
  knock(from: string, to: string, port: number, line: string): string {
    const source = `
      const socket = require('node:net').connect({ host: '${to}', port: ${port}, localAddress: '${from}' })
      socket.on('error', () => {})
      socket.on('data', (text) => { process.stdout.write(text); socket.destroy() })
      socket.write('${line}\\n')`
    return this.run(process.execPath, '-e', source)
  }

  [Symbol.dispose](): void {
    this.#holder.stdin?.end()
  }
}
