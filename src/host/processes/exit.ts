import { callLibrary } from './c-library.ts'

/**
 * Has this process end at once when it ends, after all that listens for its end by now.
 *
 * Node's own way is to end its other threads first. Where one that compiles waits for this thread to collect garbage,
 * each waits for the other for ever (nodejs/node issue 54918; seen once in some ten thousand runs), and where one waits
 * for a name server, so does the end. _exit(2) waits for nobody. Where the C library cannot be called it is Node's
 * way after all.
 */
export function exitWithoutThreads(): void {
  const definitions = { _exit: { arguments: ['i32'], return: 'void' } } as const
  process.on('exit', (code) => callLibrary(definitions, ({ _exit }) => _exit(code)))
}
