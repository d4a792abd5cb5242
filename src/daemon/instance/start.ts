/** `frameworkd start`: starts a detached daemon, and waits for its result. */
import { createInterface } from 'node:readline'
import { type ExitCode, KnownError, systemCode } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { spawnDetached } from '../../host/processes/detach.ts'
import { isAlive, type ProcessIdentity } from '../../host/processes/process-identity.ts'
import { poll } from '../../host/waiting.ts'
import { ownCommand } from '../../product/own-program.ts'
import { daemonCommand } from '../../text/command-line.ts'
import { takeNotifier } from '../notify.ts'
import { cannotBeSeen, findDaemon } from './find.ts'
import type { ListenEndpoint } from './note.ts'
import { readInstanceNote } from './record.ts'
import { parseStartMessage } from './starter.ts'

/** How long the daemon may take to end after we gave up waiting. */
const giveUpLimitMs = 5000

export interface StartedDaemon {
  pid: number
  listens: ListenEndpoint | undefined
  /** It was running before. */
  already: boolean
}

/** A start that failed: the daemon's own message and exit code. */
export interface StartFailure {
  exitCode: ExitCode
  text: string
}

export interface StartOptions {
  host: Host
  /** Flags of `frameworkd run`. */
  flags: readonly string[]
  environment: Readonly<Record<string, string | undefined>>
  limitMs: number
  /** Gives up waiting when it aborts. */
  signal: AbortSignal
  /** Gets the daemon's progress, line by line. */
  say(line: string): void
}

/**
 * Starts the daemon, and returns when one serves: this one, or one that somebody else started first.
 * @throws KnownError `busy` when the time is up, the signal's reason, `task-failed` when it ended
 */
export async function startDaemon(options: StartOptions): Promise<StartedDaemon | StartFailure> {
  const deadline = AbortSignal.timeout(options.limitMs)
  const signal = AbortSignal.any([options.signal, deadline])
  try {
    for (;;) {
      const running = findRunning(options)
      const there = running && (await untilItServes(options.host, running, signal))
      if (there) return there
      const outcome = await launch(options, signal)
      if (outcome !== 'already-running') return outcome
    }
  } catch (error) {
    if (!deadline.aborted || options.signal.aborted) throw error
    const seconds = options.limitMs / 1000
    throw new KnownError('busy', `frameworkd did not serve within ${seconds} s`, 'try again, or give it more --timeout')
  }
}

/**
 * Finds a daemon that serves, or will once its database answers.
 * @throws KnownError `preflight` when it cannot be known whether one runs
 */
function findRunning({ host, say }: StartOptions): ProcessIdentity | undefined {
  const state = findDaemon(host, undefined)
  if (state.kind === 'unknown') throw cannotBeSeen(state.why)
  if (state.kind === 'waiting')
    say(`pid ${state.process.pid} is starting already, waiting: ${state.waitsFor ?? 'the database'}`)
  return state.kind === 'running' || state.kind === 'waiting' ? state.process : undefined
}

/** @returns undefined when that daemon ended instead */
async function untilItServes(
  host: Host,
  target: ProcessIdentity,
  signal: AbortSignal,
): Promise<StartedDaemon | undefined> {
  const look = () => {
    if (!isAlive(target)) return 'ended'
    const note = readInstanceNote(host)
    return note?.process.pid === target.pid && note.serves && note
  }
  const note = await poll(look, { signal })
  return note === 'ended' ? undefined : { pid: target.pid, listens: note.listens, already: true }
}

async function launch(
  options: StartOptions,
  signal: AbortSignal,
): Promise<StartedDaemon | StartFailure | 'already-running'> {
  signal.throwIfAborted()
  const pipe = spawnDetached(
    [...ownCommand('frameworkd'), 'run', ...options.flags],
    withoutNotifySocket(options.environment),
  )
  const { promise, resolve, reject } = Promise.withResolvers<StartedDaemon | StartFailure | 'already-running'>()
  pipe.on('error', (error) => reject(startFailure(options.host, systemCode(error))))
  const lines = createInterface(pipe)
  lines.on('line', (line) => {
    const message = parseStartMessage(line)
    if (!message) reject(startFailure(options.host, 'what it said is not ours'))
    else if ('says' in message) options.say(message.says)
    else if ('serves' in message) resolve({ ...message.serves, already: false })
    else resolve(message.ends.code === 'already-running' ? 'already-running' : message.ends)
  })
  lines.on('close', () => reject(startFailure(options.host)))
  // We close our side of the pipe; the daemon sees that and ends, which closes its side.
  const giveUp = () => {
    pipe.end()
    setTimeout(() => pipe.destroy(), giveUpLimitMs).unref()
  }
  signal.addEventListener('abort', giveUp)
  try {
    const outcome = await promise
    return outcome
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
    pipe.destroy()
  }
}

/**
 * The notify socket is meant for the program that started us, a service perhaps, and not for the daemon
 * (sd_notify(3)).
 */
function withoutNotifySocket(environment: StartOptions['environment']): StartOptions['environment'] {
  const copy = { ...environment }
  takeNotifier(copy)
  return copy
}

function startFailure(host: Host, why?: string): KnownError {
  const message = `the daemon ended before it served${why === undefined ? '' : ` (${why})`}`
  return new KnownError(
    'task-failed',
    message,
    `see what it says in the foreground: ${daemonCommand(host.tree.root, 'run')}`,
  )
}
