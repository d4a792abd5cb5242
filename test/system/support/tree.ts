import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ImageName, imageFolder } from './image.ts'
import { runFolder } from './run-folder.ts'

/** The file system of a machine: an image that stays as it is, with what is written above it (overlayfs). */
export class Tree implements Disposable {
  readonly root: string
  readonly #folder: string
  readonly #layers: readonly string[]
  #isMounted = false

  private constructor(layers: readonly string[]) {
    this.#layers = layers
    this.#folder = mkdtempSync(join(runFolder(), 'tree-'))
    this.root = join(this.#folder, 'root')
    for (const name of ['root', 'upper', 'work']) mkdirSync(join(this.#folder, name))
    chmodSync(this.#folder, 0o755)
    this.#mount()
  }

  static of(image: ImageName): Tree {
    return new Tree([imageFolder(image)])
  }

  /** A copy of what is there now, as when a disk image is copied; this tree is no longer to be used. */
  clone(): Tree {
    this.#unmount()
    return new Tree([join(this.#folder, 'upper'), ...this.#layers])
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), text, { mode })
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8')
  }

  [Symbol.dispose](): void {
    this.#unmount()
    rmSync(this.#folder, { recursive: true })
  }

  #mount(): void {
    const upper = join(this.#folder, 'upper')
    const options = `lowerdir=${this.#layers.join(':')},upperdir=${upper},workdir=${join(this.#folder, 'work')}`
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, this.root])
    this.#isMounted = true
  }

  #unmount(): void {
    if (this.#isMounted) execFileSync('umount', ['--recursive', this.root])
    this.#isMounted = false
  }
}
