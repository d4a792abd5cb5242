/** The licences of everything that is inside the executable, word for word. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param packages folders of the npm packages in the bundle
 * @throws Error for a package that brings no licence
 */
export function licences(packages: readonly string[]): string {
  return [nodeFolder(), ...packages]
    .map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const title = `${name} ${version}`
      return `${title}\n${'='.repeat(title.length)}\n\n${licenceText(folder).trim()}\n`
    })
    .join('\n\n')
}

/** The folder that the npm package `node` has unpacked: its licence file covers everything that Node embeds. */
function nodeFolder(): string {
  const folder = `node_modules/node/node_modules/node-linux-${process.arch}`
  // A later `npm install` removes the folder, which that package had installed by a script.
  if (!existsSync(folder)) throw new Error(`${folder} is missing, and with it Node's licence; hint: npm rebuild node`)
  return folder
}

function licenceText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e(\.|$)/i.test(name))
  if (!file) throw new Error(`${folder} has no licence file`)
  return readFileSync(join(folder, file), 'utf8')
}
