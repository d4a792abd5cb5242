/** Command lines that people are told to type. */

const plain = /^[\w@%+=:,./-]+$/

/** A word, quoted for a shell. */
export function quoteForShell(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * `frameworkd-setup VERB --root DIR`: options may follow. Without `--root` it would act on the running machine.
 * @param root the tree that is worked on; `/` is the machine itself
 */
export function setupCommand(root: string, verb = ''): string {
  return commandOf('frameworkd-setup', root, verb)
}

/** Makes a backup of the key. */
export function exportCommand(root: string): string {
  return `${setupCommand(root, 'key export')} --to FILE`
}

/**
 * Puts a sealed key in place.
 * @param file the file of it, where it is known
 */
export function importCommand(root: string, file?: string): string {
  return `${setupCommand(root, 'key import')} --from ${file === undefined ? 'FILE' : quoteForShell(file)}`
}

/** `frameworkd VERB --root DIR`, likewise. */
export function daemonCommand(root: string, verb: string): string {
  return commandOf('frameworkd', root, verb)
}

function commandOf(program: string, root: string, verb: string): string {
  const words = [program, ...(verb === '' ? [] : [verb]), ...(root === '/' ? [] : ['--root', quoteForShell(root)])]
  return words.join(' ')
}
