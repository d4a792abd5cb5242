import type { ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { freePort } from './mariadb.ts'
import { start } from './programs.ts'
import type { Sandbox } from './sandbox.ts'

/** A daemon that serves. */
export interface RunningDaemon {
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
  return { child, port }
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
  await new Promise((connected) => socket.once('connect', connected))
  for (const piece of pieces) await new Promise((sent) => socket.write(piece, sent))
  await promise
  socket.destroy()
  return answer
}

/** Ends a daemon and returns its exit code. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
  child.kill(signal)
  return code
}
