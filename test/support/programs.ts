import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { systemCode } from '../../src/errors.ts'

/** A program that has ended. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Never in any output: a key, or the password of the test databases. */
const secrets = /[0-9a-zA-Z]{8}-[0-9a-zA-Z]{4}-[0-9a-zA-Z]{4}-[0-9a-zA-Z]{4}-[0-9a-zA-Z]{12}|pa;ss#w/

export interface RunOptions {
  env?: Record<string, string>
  input?: string
}

export type Program = 'frameworkd' | 'frameworkd-setup'

/** The front door of a program, in the package that is built for the run. */
export function programFile(program: Program): string {
  const folder = process.env.TEST_PROGRAMS
  if (!folder) throw new Error('no programs for the tests: run them with npm test')
  return join(folder, 'bin', `${program}.js`)
}

/** Starts one of our programs, with the node that runs the tests. */
export function start(program: Program, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [programFile(program), ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: 'pipe',
  })
}

/** Runs a program to its end and sees that no secret is in what it printed, and no stack. */
export async function run(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return ended(start(program, args, options.env), options.input)
}

/** Surroundings for runIn: an account that has nothing to do with the machine. Root alone can become it. */
export const asStranger = ['setpriv', '--reuid=4242', '--regid=4242', '--clear-groups']

/** Runs a program by another one. @param surroundings that one, and its first arguments */
export function runIn(surroundings: readonly string[], program: Program, args: readonly string[]): Promise<Ended> {
  const [file = '', ...rest] = [...surroundings, process.execPath, programFile(program), ...args]
  return ended(spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] }))
}

export async function ended(child: ChildProcess, input = ''): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => (stdout += data))
  child.stderr?.on('data', (data) => (stderr += data))
  // A program may have ended before it could read anything.
  child.stdin?.on('error', (error) => assert.equal(systemCode(error), 'EPIPE')).end(input)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  assert.doesNotMatch(stdout + stderr, secrets)
  assert.doesNotMatch(stderr, /\n {4}at /, `a stack trace: ${stderr}`)
  return { code, stdout, stderr }
}
