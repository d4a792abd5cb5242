/** Whole processes, from the spawn to the exit, taken in turns so that a busy moment hits all of them alike. */
import { spawnSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'

/** A program whose runs are measured. */
export interface Subject {
  name: string
  command: readonly [file: string, ...args: string[]]
}

/** What all of them get: nothing of ours but the way to the programs. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

/**
 * Runs every subject once to warm the caches of the disk, then `rounds` times in turns.
 * @returns milliseconds of each run, by subject
 * @throws Error when a run ends with another code than 0: a failure is no figure
 */
export function measure(subjects: readonly Subject[], rounds: number): Map<Subject, number[]> {
  const samples = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]))
  for (const subject of subjects) runOnce(subject)
  for (let round = 0; round < rounds; round += 1) {
    // Nobody comes after the same neighbour every time.
    const first = round % subjects.length
    for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      samples.get(subject)?.push(runOnce(subject))
    }
  }
  return samples
}

function runOnce({ name, command: [file, ...args] }: Subject): number {
  const begun = performance.now()
  const { status, signal, stderr, error } = spawnSync(file, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment,
  })
  const ms = performance.now() - begun
  if (status !== 0) throw new Error(`${name} ended with ${status ?? signal}: ${error ?? stderr}`)
  return ms
}
