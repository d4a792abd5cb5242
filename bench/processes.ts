/** Whole processes, from the spawn to the exit, taken in turns so that a busy moment hits all of them alike. */
import { spawn, spawnSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** A program whose runs are measured. */
export interface Subject {
  name: string
  command: readonly [file: string, ...args: string[]]
  env?: Readonly<Record<string, string>>
  /** Takes seconds: it is run in every sixth round only. */
  isSlow?: true
  /** Makes what a run uses up, before each, unmeasured; gives the arguments that name it. */
  prepare?(): Promise<readonly string[]>
}

/** What all of them get: nothing of ours but the way to the programs. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }
const slowEvery = 6
const peakHook = fileURLToPath(new URL('peak-memory.cjs', import.meta.url))

/**
 * Runs every subject once to warm the caches of the disk, then `rounds` times in turns.
 * @returns milliseconds of each run, by subject
 * @throws Error when a run ends with another code than 0: a failure is no figure
 */
export async function measure(subjects: readonly Subject[], rounds: number): Promise<Map<Subject, number[]>> {
  const samples = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]))
  for (const subject of subjects) await runOnce(subject)
  for (let round = 0; round < rounds; round += 1) {
    // Nobody comes after the same neighbour every time.
    const first = round % subjects.length
    for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      if (!subject.isSlow || round % slowEvery === 0) samples.get(subject)?.push(await runOnce(subject))
    }
  }
  return samples
}

/** The most memory that a Node program ever had resident in one run, in MB. */
export function peakMegabytes({ name, command: [node, ...args] }: Subject): number {
  const { status, output, stderr } = spawnSync(node, ['--require', peakHook, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: environment,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`)
  return Number(output[3]) / 1024
}

/**
 * Runs a program, beside others.
 * @throws Error when it ends with another code than 0, with what it said
 */
export async function runBeside([file, ...args]: readonly string[]): Promise<void> {
  const child = spawn(file ?? '', args, { stdio: ['ignore', 'ignore', 'pipe'], env: environment })
  const [said, code] = await Promise.all([
    text(child.stderr),
    new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal))),
  ])
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code}: ${said}`)
}

async function runOnce({ name, command: [file, ...args], env, prepare }: Subject): Promise<number> {
  const more = prepare ? await prepare() : []
  const begun = performance.now()
  const { status, signal, stderr, error } = spawnSync(file, [...args, ...more], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...environment, ...env },
  })
  const ms = performance.now() - begun
  if (status !== 0) throw new Error(`${name} ended with ${status ?? signal}: ${error ?? stderr}`)
  return ms
}
