/** Writes the sources of the checkout without their types below a folder, which is its argument. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'

const folder = process.argv[2] ?? ''
for (const path of globSync('{bench,scripts,src,test}/**/*.ts')) {
  const target = join(folder, path)
  mkdirSync(dirname(target), { recursive: true })
  const stripped = strip(readFileSync(path, 'utf8'))
  if (stripped) writeFileSync(target, stripped)
}

/** Lines and columns stay: types become spaces. */
function strip(source: string): string | undefined {
  try {
    return stripTypeScriptTypes(source)
  } catch {
    // Node says what is wrong with it, where it is imported.
    return undefined
  }
}
