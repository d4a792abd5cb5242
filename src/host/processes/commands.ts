import { accessSync, constants } from 'node:fs'
import { KnownError, systemCode } from '../../errors.ts'
import { programFolders, programPath, programs } from '../../paths.ts'
import { lookAt, type Tree } from '../files/tree.ts'

/** More output than any program of ours prints. */
const outputLimitCharacters = 64 * 1024

export interface CommandResult {
  stdout: string
  stderr: string
  /** undefined when a signal ended it. */
  exitCode: number | undefined
  timedOut: boolean
}

/**
 * Programs of the target machine, found in folders that only root writes. With `--root` they are
 * the programs inside that root, and run in a chroot, which needs root.
 */
export class Commands {
  readonly #tree: Tree
  readonly #privileged: boolean

  constructor(tree: Tree, privileged: boolean) {
    this.#tree = tree
    this.#privileged = privileged
  }

  /** The absolute path of a program inside the root; undefined when it is not there or could not be run. */
  find(name: string): string | undefined {
    if (this.#tree.root !== '/' && !this.#privileged) return undefined
    return programFolders.map((folder) => `${folder}/${name}`).find((path) => this.#isProgram(path))
  }

  #isProgram(path: string): boolean {
    using entry = this.#tree.open(path, { followLast: true })
    if (!entry || !lookAt(entry.folder, entry.name)?.isFile()) return false
    try {
      accessSync(entry.at, constants.X_OK)
      return true
    } catch {
      return false
    }
  }

  /**
   * Runs a program without a shell, standard input or our environment.
   * @param path what `find` returned
   * @param limitMs after this long it and what it started are killed
   * @throws KnownError `command-failed` when it cannot be started
   */
  async run(path: string, args: readonly string[], limitMs: number, signal: AbortSignal): Promise<CommandResult> {
    const { execa } = await import('execa')
    const [file, ...rest] =
      this.#tree.root === '/' ? [path, ...args] : [programs.chroot, this.#tree.root, path, ...args]
    const child = execa(file, rest, {
      env: { PATH: programPath, LANG: 'C.UTF-8' },
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      stripFinalNewline: false,
      maxBuffer: outputLimitCharacters,
      // A process group of its own: its children are killed with it, and our terminal's Ctrl-C does not reach it.
      detached: true,
    })
    let timedOut = false
    const end = () => {
      killGroup(child.pid)
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    const timer = setTimeout(() => {
      timedOut = true
      end()
    }, limitMs)
    signal.addEventListener('abort', end, { once: true })
    try {
      const result = await child
      signal.throwIfAborted()
      if (result.failed && result.exitCode === undefined && !result.signal && !timedOut) {
        throw new KnownError(
          'command-failed',
          `${path} cannot be run (${systemCode(result.cause) ?? result.shortMessage})`,
          `try it: ${path}`,
        )
      }
      return { stdout: result.stdout ?? '', stderr: result.stderr ?? '', exitCode: result.exitCode, timedOut }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
