import type { ChildProcess } from 'node:child_process'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Waits for a program, with what it says. */
export async function endOf(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => (stdout += data))
  child.stderr?.on('data', (data) => (stderr += data))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

/** @throws Error where it has not succeeded. @param command for its message */
export function outputOf(command: string, { code, stdout, stderr }: Ended): string {
  if (code !== 0) throw new Error(`${command}: ended with ${code}\n${stdout}${stderr}`)
  return stdout.trim()
}
