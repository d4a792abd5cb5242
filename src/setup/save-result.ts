import { messageOf } from '../errors.ts'
import { paths } from '../paths.ts'
import type { Machine } from './machine.ts'

/** Keeps the result document on disk, last and whole; a failure to do so is a warning. */
export function saveResult({ host }: Machine, document: object, warn: (message: string) => void): void {
  if (!host.files.stat(paths.setupState)?.isDirectory()) return
  try {
    host.files.write(paths.setupResult, Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`), { mode: 0o644 })
  } catch (error) {
    warn(`the result was not kept: ${messageOf(error)}`)
  }
}
