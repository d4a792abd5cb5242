import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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

/** Starts one of our programs, unbuilt, with the node that runs the tests. */
export function start(
  program: 'frameworkd' | 'frameworkd-setup',
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const file = fileURLToPath(new URL(`../../bin/${program}.js`, import.meta.url))
  return spawn(process.execPath, [file, ...args], { env: { PATH: process.env.PATH ?? '', ...env }, stdio: 'pipe' })
}

/** Runs a program to its end and sees that no secret is in what it printed, and no stack. */
export async function run(
  program: 'frameworkd' | 'frameworkd-setup',
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  return ended(start(program, args, options.env), options.input)
}

export async function ended(child: ChildProcess, input = ''): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => (stdout += data))
  child.stderr?.on('data', (data) => (stderr += data))
  child.stdin?.end(input)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  assert.doesNotMatch(stdout + stderr, secrets)
  assert.doesNotMatch(stderr, /\n {4}at /, `a stack trace: ${stderr}`)
  return { code, stdout, stderr }
}
