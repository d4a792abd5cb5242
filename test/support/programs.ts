import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
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
  return spawn(process.execPath, [programFile(program), ...args], { env: environment(env), stdio: 'pipe' })
}

/**
 * Runs a program to its end and sees that no secret is in what it printed, and no stack.
 * It prints to files: a pipe of Node's is a socket, and for that a program loads all of Node's streams.
 */
export async function run(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return await printToFiles([process.execPath, programFile(program), ...args], {
    ...options,
    env: environment(options.env),
  })
}

/** Surroundings for runIn: an account that has nothing to do with the machine. Root alone can become it. */
export const asStranger = ['setpriv', '--reuid=4242', '--regid=4242', '--clear-groups']

/** Runs a program by another one. @param surroundings that one, and its first arguments */
export function runIn(surroundings: readonly string[], program: Program, args: readonly string[]): Promise<Ended> {
  return printToFiles([...surroundings, process.execPath, programFile(program), ...args], { env: process.env })
}

function environment(env: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', ...env }
}

async function printToFiles(
  [file = '', ...args]: readonly string[],
  { env, input }: { env: NodeJS.ProcessEnv; input?: string },
): Promise<Ended> {
  using stdout = new OutputFile()
  using stderr = new OutputFile()
  const child = spawn(file, args, { env, stdio: ['pipe', stdout.descriptor, stderr.descriptor] })
  const code = await endOf(child, input)
  return checked({ code, stdout: stdout.text(), stderr: stderr.text() })
}

/** A file without a name, for the output of a program. */
class OutputFile implements Disposable {
  readonly descriptor: number

  constructor() {
    const path = join(tmpdir(), `frameworkd-output-${randomUUID()}`)
    this.descriptor = openSync(path, 'ax+', 0o600)
    unlinkSync(path)
  }

  text(): string {
    return readFileSync(`/proc/self/fd/${this.descriptor}`, 'utf8')
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor)
  }
}

export async function ended(child: ChildProcess, input = ''): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => (stdout += data))
  child.stderr?.on('data', (data) => (stderr += data))
  const code = await endOf(child, input)
  return checked({ code, stdout, stderr })
}

/** @returns its exit code, when all that it printed has come */
async function endOf(child: ChildProcess, input = ''): Promise<number | null> {
  // A program may have ended before it could read anything.
  child.stdin?.on('error', (error) => assert.equal(systemCode(error), 'EPIPE')).end(input)
  return await new Promise<number | null>((resolve) => child.once('close', resolve))
}

function checked(ended: Ended): Ended {
  assert.doesNotMatch(ended.stdout + ended.stderr, secrets)
  assert.doesNotMatch(ended.stderr, /\n {4}at /, `a stack trace: ${ended.stderr}`)
  return ended
}
