/** A machine that really boots: its own init, journal and network, in a container of systemd-nspawn. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ControlGroup } from './control-group.ts'
import type { Tree } from './tree.ts'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface BootOptions {
  init?: 'systemd' | 'sysv'
  /** A bridge that it is connected to, and the address it has there; without it, it is alone. */
  network?: { bridge: string; address: string }
}

const bootLimitMs = 120_000
const stopLimitMs = 60_000
/** nspawn's exit code when the machine asks to be started anew (systemd-nspawn(1)). */
const rebootCode = 133
/** What /sbin/init of systemd and of sysvinit take for a power failure: a proper end. */
const powerOff = { systemd: 37, sysv: 'SIGUSR2' } as const

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

  /** Starts it and waits until it is up: multi-user.target, or runlevel 2. */
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
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (data) => (stdout += data))
    child.stderr.on('data', (data) => (stderr += data))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, stdout, stderr }
  }

  /** The output of a script that has to succeed. */
  async output(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script)
    if (code !== 0) throw new Error(`${script}: ended with ${code}\n${stdout}${stderr}`)
    return stdout.trim()
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
    const { init = 'systemd' } = this.#options
    const leader = this.#leader()
    if (leader !== undefined) process.kill(leader, powerOff[init])
    const timer = setTimeout(() => this.#nspawn.kill('SIGKILL'), stopLimitMs)
    await this.#exit
    clearTimeout(timer)
    this.#group[Symbol.dispose]()
  }

  #start(): ChildProcess {
    const { network } = this.#options
    const join = this.#group.entrances.map((entrance) => `echo $$ > ${entrance}`).join(' && ')
    const args = [
      '--quiet',
      '--boot',
      '--register=no',
      '--keep-unit',
      '--settings=no',
      '--console=read-only',
      '--machine=appliance',
      `--directory=${this.tree.root}`,
      '--bind-ro=/proc/self/cwd/build:/packages',
      ...(network ? [`--network-bridge=${network.bridge}`] : ['--private-network']),
    ]
    return spawn('sh', ['-c', `${join} && exec systemd-nspawn "$@"`, 'sh', ...args], {
      stdio: ['ignore', this.#console, this.#console],
    })
  }

  async #untilUp(): Promise<void> {
    const { init = 'systemd' } = this.#options
    const isUp = init === 'systemd' ? 'systemctl is-active --quiet multi-user.target' : 'runlevel | grep -q " 2$"'
    const begun = Date.now()
    while (this.#leader() === undefined || (await this.run(isUp)).code !== 0) {
      if (this.#nspawn.exitCode !== null || Date.now() - begun > bootLimitMs) {
        throw new Error(`the machine did not come up\n${readFileSync(join(this.tree.root, '..', 'console'), 'utf8')}`)
      }
      await sleep(250)
    }
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

  #namespaces(): string[] {
    const kinds = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd']
    return ['--target', String(this.#leader()), ...kinds]
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve))
}
