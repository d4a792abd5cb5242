/**
 * System calls of one run, and what happens at one of them: strace(1) and its injection. Calls are
 * counted a thread, as strace counts them, and only the program's first thread is looked at: file
 * work is synchronous there, and so are its sockets.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, ended } from '../../support/programs.ts'
import { start } from './start.ts'

/** A system call of a run: the how manieth of its name, and how strace shows it. */
export interface Call {
  name: string
  occurrence: number
  line: string
}

/** What is to happen at a call: a signal before it is made, or an error instead of it. */
export type Effect = `signal=${NodeJS.Signals}` | `error=${string}`

/** For tests: who is not root cannot have it installed. */
export const needsStrace = { skip: !existsSync('/usr/bin/strace') && 'strace is not installed' }

/** What has to be installed for a test. */
export type Needs = typeof needsStrace

const runLimitMs = 60_000

/** Calls that change files, or talk to the database. */
const changing = [
  ...['openat', 'write', 'writev', 'pwrite64', 'read', 'fsync', 'fdatasync', 'ftruncate', 'connect', 'sendto'],
  ...['/^rename', '/^link', '/^symlink', '/^unlink', '/^rmdir', '/^mkdir', '/chmod', '/chown'],
]
/** Calls that look at files. */
const looking = ['/stat', 'statx', 'pread64', 'readlink', 'getdents64', 'fcntl']

/**
 * Traces a run that is left alone.
 * @param root the first line that names it is the beginning of the program's own work
 * @returns the calls from there on that change a file or use a socket
 */
export async function traceCalls(command: readonly string[], root: string): Promise<Call[]> {
  return countCalls(await trace(command, changing), root).filter(changesSomething)
}

/** Traces a run that is left alone. @returns the calls on files below the root, those that only look among them */
export async function traceFileCalls(command: readonly string[], root: string): Promise<Call[]> {
  return onFiles(countCalls(await trace(command, [...changing, ...looking]), root), root)
}

/** Traces a run that is left alone. @returns the calls that change files below the root */
export async function traceFileChanges(command: readonly string[], root: string): Promise<Call[]> {
  return onFiles(await traceCalls(command, root), root)
}

function onFiles(calls: readonly Call[], root: string): Call[] {
  return calls.filter(({ line }) => line.includes(root) || line.includes('/proc/self/fd/'))
}

/** Runs with an effect at a call. The code is null when a signal ended it. */
export function runWith(command: readonly string[], call: Call, effect: Effect): Promise<Ended> {
  return end(start(injecting(command, call, effect)))
}

/** The command that runs another with an effect at a call. */
export function injecting(command: readonly string[], call: Call, effect: Effect): string[] {
  const inject = `inject=${call.name}:${effect}:when=${call.occurrence}`
  // Without -f only the first thread is stopped; a seccomp filter would be faster, and lose the signals.
  return ['strace', '-o', '/dev/null', '-e', `trace=${call.name}`, '-e', inject, ...command]
}

/** The lines of a run, each with its pid in front. */
async function trace(command: readonly string[], names: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-trace-'))
  try {
    const file = join(folder, 'trace')
    const args = ['-f', '--seccomp-bpf', '-y', '-s', '0', '-o', file, '-e', `trace=${names.join()}`, ...command]
    const { code, stderr } = await end(start(['strace', ...args]))
    if (code !== 0) throw new Error(`the run to be traced ended with ${code}: ${stderr}`)
    return readFileSync(file, 'utf8').split('\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function end(child: ChildProcess): Promise<Ended> {
  const timer = setTimeout(() => child.kill('SIGTERM'), runLimitMs)
  try {
    return await ended(child)
  } finally {
    clearTimeout(timer)
  }
}

/** The first thread's calls, counted from its start and returned from where the root is named. */
function countCalls(lines: readonly string[], root: string): Call[] {
  const first = lines[0]?.split(' ', 1)[0]
  const counts = new Map<string, number>()
  const calls: Call[] = []
  let hasBegun = false
  for (const line of lines) {
    const [, pid, name] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (pid !== first || name === undefined) continue
    const occurrence = (counts.get(name) ?? 0) + 1
    counts.set(name, occurrence)
    hasBegun ||= line.includes(root)
    if (hasBegun) calls.push({ name, occurrence, line: line.slice(line.indexOf(name)) })
  }
  return calls
}

/** Reading a file changes nothing: to be killed there is to be killed at the next call that does. */
function changesSomething({ name, line }: Call): boolean {
  const isOnSocket = /^\w+\(\d+<(TCP|TCPv6|UNIX|socket)/.test(line)
  if (name === 'openat') return line.includes('O_CREAT')
  if (name === 'read') return isOnSocket
  if (name === 'write' || name === 'writev') return isOnSocket || /^\w+\((1<|2<|\d+<\/)/.test(line)
  return true
}
