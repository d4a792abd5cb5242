/** `frameworkd start`: a detached daemon, and its own verdict. */
import { createInterface } from 'node:readline'
import { type ExitCode, KnownError, systemCode } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { spawnDetached } from '../../host/processes/detach.ts'
import { isAlive, type ProcessIdentity } from '../../host/processes/process-identity.ts'
import { poll } from '../../host/waiting.ts'
import { ownCommand } from '../../product/own-program.ts'
import { takeNotifier } from '../notify.ts'
import { cannotBeSeen, findDaemon } from './find.ts'
import type { Place } from './note.ts'
import { readInstanceNote } from './record.ts'
import { parseStartMessage } from './starter.ts'

/** How long a daemon that we gave up on may take to end. */
const giveUpLimitMs = 5000

export interface Started {
  pid: number
  listens: Place | undefined
  /** It ran before. */
  already: boolean
}

/** How the daemon's own start went wrong: its words, and its exit code. */
export interface Failed {
  exitCode: ExitCode
  text: string
}

export interface StartOptions {
  host: Host
  /** Flags of `frameworkd run`. */
  flags: readonly string[]
  environment: Readonly<Record<string, string | undefined>>
  limitMs: number
  /** Gives up. */
  signal: AbortSignal
  /** Gets the daemon's progress, line by line. */
  say(line: string): void
}

/**
 * Starts the daemon, and returns when one serves: this one, or one that was faster.
 * @throws KnownError `busy` when the time is up, the signal's reason, `task-failed` when it vanished
 */
export async function startDaemon(options: StartOptions): Promise<Started | Failed> {
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
 * Who serves, or will once its database answers.
 * @throws KnownError `preflight` when it cannot be known: nobody would hear from that daemon whether it serves
 */
function findRunning({ host, say }: StartOptions): ProcessIdentity | undefined {
  const state = findDaemon(host, undefined)
  if (state.kind === 'unknown') throw cannotBeSeen(state.why)
  if (state.kind === 'waiting')
    say(`pid ${state.process.pid} is starting already, waiting: ${state.waitsFor ?? 'the database'}`)
  return state.kind === 'running' || state.kind === 'waiting' ? state.process : undefined
}

/** @returns undefined when that daemon ended instead */
async function untilItServes(host: Host, process: ProcessIdentity, signal: AbortSignal): Promise<Started | undefined> {
  const look = () => {
    if (!isAlive(process)) return 'ended'
    const note = readInstanceNote(host)
    return note?.process.pid === process.pid && note.serves && note
  }
  const note = await poll(look, { signal })
  return note === 'ended' ? undefined : { pid: process.pid, listens: note.listens, already: true }
}

async function launch(options: StartOptions, signal: AbortSignal): Promise<Started | Failed | 'already-running'> {
  signal.throwIfAborted()
  const pipe = spawnDetached(
    [...ownCommand('frameworkd'), 'run', ...options.flags],
    withoutNotifySocket(options.environment),
  )
  const { promise, resolve, reject } = Promise.withResolvers<Started | Failed | 'already-running'>()
  pipe.on('error', (error) => reject(vanished(systemCode(error))))
  const lines = createInterface(pipe)
  lines.on('line', (line) => {
    const message = parseStartMessage(line)
    if (!message) reject(vanished('what it said is not ours'))
    else if ('says' in message) options.say(message.says)
    else if ('serves' in message) resolve({ ...message.serves, already: false })
    else resolve(message.ends.code === 'already-running' ? 'already-running' : message.ends)
  })
  lines.on('close', () => reject(vanished()))
  // Our side closes: the daemon ends by itself, and its side does with it.
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

/** Whoever started us, a service perhaps, wants to hear of itself (sd_notify(3)). */
function withoutNotifySocket(environment: StartOptions['environment']): StartOptions['environment'] {
  const copy = { ...environment }
  takeNotifier(copy)
  return copy
}

function vanished(why?: string): KnownError {
  const message = `the daemon ended before it served${why === undefined ? '' : ` (${why})`}`
  return new KnownError('task-failed', message, 'see what it says in the foreground: frameworkd run')
}
