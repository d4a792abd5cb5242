import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const page = readFileSync('docs/operations.md', 'utf8')

/** The text of a recipe of docs/operations.md. @param name behind the three backticks, such as `sh monitoring: plugin` */
export function recipeOf(name: string): string {
  const found = page.split(`\`\`\`${name}\n`)[1]?.split('\n```')[0]
  return found === undefined ? assert.fail(`docs/operations.md has no recipe ${name}`) : `${found}\n`
}
