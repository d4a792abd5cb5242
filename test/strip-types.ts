/** Writes the sources of the checkout without their types below a folder, which is its argument. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'

const folder = process.argv[2] ?? ''
for (const path of globSync('{bench,scripts,src,test}/**/*.ts')) {
  const target = join(folder, path)
  mkdirSync(dirname(target), { recursive: true })
  // Lines and columns stay: types become spaces.
  writeFileSync(target, stripTypeScriptTypes(readFileSync(path, 'utf8')))
}
