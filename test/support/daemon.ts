import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { systemCode } from '../../src/errors.ts'
import { freePort } from './mariadb.ts'
import { type Ended, type RunOptions, run, start } from './programs.ts'
import { Sandbox, type StoreKind } from './sandbox.ts'
import { until } from './until.ts'

/** A daemon that serves; whatever becomes of the test, it does not outlive it. */
export interface RunningDaemon extends Disposable {
  child: ChildProcess
  port: number
}

/** Starts the daemon on a sandbox that is set up, and waits until it listens. */
export async function serve(sandbox: Sandbox, args: string[] = []): Promise<RunningDaemon> {
  const port = await freePort()
  const child = start('frameworkd', ['run', '--root', sandbox.root, '--port', String(port), ...args])
  let stderr = ''
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.stderr?.on('data', (text) => {
    stderr += text
    if (stderr.includes('Listening on')) resolve()
  })
  child.once('exit', () => reject(new Error(stderr)))
  await promise
  return { child, port, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

/** Sends pieces and returns all that came until the other side closed or `enough` lines are there. */
export async function talk(
  port: number,
  pieces: (string | Buffer)[],
  enough = Number.POSITIVE_INFINITY,
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  const { promise, resolve } = Promise.withResolvers<void>()
  let answer = ''
  socket.on('data', (text) => {
    answer += text
    if (answer.split('\n').length > enough) resolve()
  })
  socket.on('close', () => resolve())
  // A connection that is reset has answered, too: with what came before.
  socket.on('error', () => resolve())
  await Promise.race([promise, new Promise((connected) => socket.once('connect', connected))])
  for (const piece of pieces) await new Promise((sent) => socket.write(piece, sent))
  await promise
  socket.destroy()
  return answer
}

/** Ends a daemon that runs, and returns its exit code. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  assert.equal(child.exitCode ?? child.signalCode, null, 'it has ended before')
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
  child.kill(signal)
  return code
}

/**
 * Gives sandboxes that are set up, each a copy of the first one of its kind. The database of that one goes with the
 * server of the run.
 */
export function copiesOf(make: (kind: StoreKind) => Promise<Sandbox>): (kind?: StoreKind) => Promise<Sandbox> {
  const originals = new Map<StoreKind, Promise<Sandbox>>()
  return async (kind = 'sqlite') => {
    const original = originals.get(kind) ?? make(kind).then(setUp)
    originals.set(kind, original)
    return await Sandbox.copy(await original)
  }
}

async function setUp(sandbox: Sandbox): Promise<Sandbox> {
  process.once('exit', () => rmSync(sandbox.root, { recursive: true }))
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  return sandbox
}

/** A sandbox that is set up. */
export const provisioned = copiesOf((kind) => Sandbox.create(kind))

/** One that is set up for an account that is not root, where root runs the tests. */
export const provisionedForAccount = copiesOf(async () => {
  const sandbox = await Sandbox.create('sqlite', { table: false })
  chmodSync(sandbox.root, 0o755)
  sandbox.write('/etc/passwd', 'www-data:x:33:33::/:/bin/sh\n')
  return sandbox
})

/** Runs a verb of frameworkd on a sandbox. */
export function daemonVerb(
  sandbox: Sandbox,
  verb: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Ended> {
  return run('frameworkd', [verb, '--root', sandbox.root, ...args], options)
}

/** A daemon that was started detached; whichever runs on the sandbox at the end of the test is stopped. */
export interface DetachedDaemon extends AsyncDisposable {
  pid: number
  port: number
}

export async function startDetached(sandbox: Sandbox, args: readonly string[] = []): Promise<DetachedDaemon> {
  const port = await freePort()
  const { code, stdout, stderr } = await daemonVerb(sandbox, 'start', ['--port', String(port), ...args])
  assert.equal(code, 0, stderr)
  return {
    pid: Number(/pid (\d+)/.exec(stdout)?.[1]),
    port,
    async [Symbol.asyncDispose]() {
      // Not by `frameworkd stop`, which is one more process for each test.
      for (const pid of daemonsOf(sandbox)) killIfThere(pid, 'SIGTERM')
      await until(() => daemonsOf(sandbox).length === 0).finally(() => {
        for (const pid of daemonsOf(sandbox)) killIfThere(pid, 'SIGKILL')
      })
    },
  }
}

/** Sends a signal to a process that may have ended. */
export function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

/** What a process is, by field of /proc/PID/status; undefined when it is gone or a zombie. */
export function processStatus(pid: number): Map<string, string> | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1')
    const fields = new Map(text.split('\n').map((line) => line.split(':\t', 2) as [string, string]))
    return fields.get('State')?.startsWith('Z') ? undefined : fields
  } catch {
    return undefined
  }
}

/** What the descriptors of a process lead to, by number; one may be closed between two looks. */
export function descriptorsOf(pid: number): Map<number, string> {
  const folder = `/proc/${pid}/fd`
  const found = new Map<number, string>()
  for (const descriptor of readdirSync(folder)) {
    try {
      found.set(Number(descriptor), readlinkSync(`${folder}/${descriptor}`))
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  return found
}

/** The TCP ports that a process itself listens on (proc_net(5)); others of the machine do not count. */
export function listeningPorts(pid = 0): number[] {
  const own = new Set(descriptorsOf(pid).values())
  const lines = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, 'latin1').split('\n'))
  return lines.flatMap((line) => {
    const [, address = '', , state, , , , , , inode] = line.trim().split(/\s+/)
    const isListening = state === '0A' && own.has(`socket:[${inode}]`)
    return isListening ? [Number.parseInt(address.split(':')[1] ?? '', 16)] : []
  })
}

/** The processes that are its daemon, or are to be: `start` runs one, and waits for it. */
export function daemonsOf(sandbox: Sandbox): number[] {
  return processesThat(
    ([program, ...words]) =>
      program === process.execPath && words.includes('run') && words.includes(`--root=${sandbox.root}`),
  )
}

/** The processes that have the sandbox's root in their arguments. */
export function processesOf(sandbox: Sandbox): number[] {
  return processesThat((words) => words.some((word) => word.includes(sandbox.root)))
}

/** The processes whose command line is such. */
export function processesThat(isSuch: (words: string[]) => boolean): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
  return pids.filter((pid) => processStatus(pid) && isSuch(argumentsOf(pid).split('\0')))
}

function argumentsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}
