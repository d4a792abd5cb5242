/** A machine that really boots: its own init, journal and network, in a container of systemd-nspawn. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bridge } from './bridge.ts'
import { ControlGroup } from './control-group.ts'
import { type Ended, endOf, outputOf } from './ended.ts'
import type { Tree } from './tree.ts'

export interface BootOptions {
  init?: 'systemd' | 'sysv'
  /** A network that it is connected to, and the address it has there; without it, it is alone. */
  network?: { bridge: Bridge; address: string }
  /** Credentials that the system is handed (systemd.system-credentials(7)), by name. */
  credentials?: Readonly<Record<string, string>>
}

const bootLimitMs = 120_000
const stopLimitMs = 60_000
/** nspawn's exit code when the machine asks to be started anew (systemd-nspawn(1)). */
const rebootCode = 133
export class Machine implements AsyncDisposable {
  readonly tree: Tree
  readonly #options: BootOptions
  readonly #group: ControlGroup
  readonly #console: number
  #nspawn: ChildProcess
  #exit: Promise<number | null>

  private constructor(tree: Tree, options: BootOptions) {
    this.tree = tree
    this.#options = options
    this.#group = new ControlGroup()
    this.#console = openSync(join(tree.root, '..', 'console'), 'a')
    this.#nspawn = this.#start()
    this.#exit = exitOf(this.#nspawn)
  }

  /** Starts it and waits until it is up: multi-user.target, or the logins that init starts last. */
  static async boot(tree: Tree, options: BootOptions = {}): Promise<Machine> {
    const machine = new Machine(tree, options)
    await machine.#untilUp()
    return machine
  }

  /** Runs a shell script in the machine, as root. */
  async run(script: string): Promise<Ended> {
    const child = spawn('nsenter', [...this.#namespaces(), '/bin/sh', '-c', script], {
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return endOf(child)
  }

  /** The output of a script that has to succeed. */
  async output(script: string): Promise<string> {
    return outputOf(script, await this.run(script))
  }

  /** Runs a script of the tests in this machine's network, with our node. */
  spawnInNetwork(script: string, ...args: string[]): ChildProcessWithoutNullStreams {
    const command = [process.execPath, script, ...args]
    return spawn('nsenter', ['--target', String(this.#leader()), '--net', ...command], { stdio: 'pipe' })
  }

  async reboot(): Promise<void> {
    await this.run('reboot')
    const code = await this.#exit
    if (code !== rebootCode) throw new Error(`the machine ended with ${code} instead of a reboot`)
    this.#nspawn = this.#start()
    this.#exit = exitOf(this.#nspawn)
    await this.#untilUp()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Everything in it dies with its process 1.
    const timer = setTimeout(() => this.#kill(), stopLimitMs)
    await this.run('poweroff')
    await this.#exit
    clearTimeout(timer)
    this.#group[Symbol.dispose]()
  }

  #start(): ChildProcess {
    const { network, credentials = {} } = this.#options
    const join = this.#group.entrances.map((entrance) => `echo $$ > ${entrance}`).join(' && ')
    const args = [
      '--quiet',
      '--boot',
      '--register=no',
      '--keep-unit',
      '--settings=no',
      '--console=read-only',
      // The names of its network devices are made of it.
      `--machine=${randomBytes(4).toString('hex')}`,
      `--directory=${this.tree.root}`,
      '--bind-ro=/proc/self/cwd/build:/packages',
      ...Object.entries(credentials).map(([name, value]) => `--set-credential=${name}:${value}`),
      ...(network ? [`--network-bridge=${network.bridge.name}`] : ['--private-network']),
    ]
    return spawn('sh', ['-c', `${join} && exec systemd-nspawn "$@"`, 'sh', ...args], {
      stdio: ['ignore', this.#console, this.#console],
    })
  }

  async #untilUp(): Promise<void> {
    const { init = 'systemd' } = this.#options
    const isUp = init === 'systemd' ? 'systemctl is-active --quiet multi-user.target' : 'pgrep -x getty'
    const begun = Date.now()
    while (this.#leader() === undefined || !this.#connect() || (await this.run(isUp)).code !== 0) {
      if (this.#nspawn.exitCode !== null || Date.now() - begun > bootLimitMs) {
        throw new Error(`the machine did not come up\n${readFileSync(join(this.tree.root, '..', 'console'), 'utf8')}`)
      }
      await sleep(250)
    }
  }

  /** Gives it its address, as a DHCP server would. @returns false while it has no network device yet */
  #connect(): boolean {
    const { network } = this.#options
    if (!network) return true
    const inside = ['--target', String(this.#leader()), '--net', 'ip']
    const orders = [`address replace ${network.address}/24 dev host0`, 'link set host0 up']
    return orders.every((order) => spawnSync('nsenter', [...inside, ...order.split(' ')]).status === 0)
  }

  /** Process 1 of the machine, as it is seen from here. */
  #leader(): number | undefined {
    try {
      const { pid } = this.#nspawn
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
      return children === '' ? undefined : Number(children.split(' ')[0])
    } catch {
      return undefined
    }
  }

  #kill(): void {
    const leader = this.#leader()
    if (leader !== undefined) process.kill(leader, 'SIGKILL')
  }

  #namespaces(): string[] {
    const kinds = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd']
    return ['--target', String(this.#leader()), ...kinds]
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve))
}
