/** The rules of who may import whom are rules of the linter; here each is broken once. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../..', import.meta.url))
const biome = join(project, 'node_modules/.bin/biome')

/** Imports that are not allowed, by the folder of the file that has them. */
const violations: readonly [folder: string, from: string][] = [
  ['src/engine', '../setup/tasks.ts'],
  ['src/engine', '../paths.ts'],
  ['src/engine', 'listr2'],
  ['src/setup', '../daemon/run.ts'],
  ['src/setup', '../cli/flags.ts'],
  ['src/setup/tasks', 'node:fs'],
  ['src/daemon', '../setup/tasks.ts'],
  ['src/daemon', 'node:child_process'],
  ['src/daemon', 'node:net'],
  ['src/cli', 'node:fs'],
  ['src/cli', 'mysql2'],
  ['src/cli', '@inquirer/select'],
  ['src/key', 'node:fs'],
  ['src/settings', 'node:fs'],
]

test('an import that the house forbids is refused by the linter', () => {
  const tree = mkdtempSync(join(tmpdir(), 'frameworkd-house-'))
  try {
    cpSync(join(project, 'biome.json'), join(tree, 'biome.json'))
    cpSync(join(project, 'src'), join(tree, 'src'), { recursive: true })
    assert.deepEqual(refused(tree), [], 'the sources themselves pass')
    const planted = violations.map(([folder, from], index) => {
      const file = `${folder}/planted${index}.ts`
      writeFileSync(join(tree, file), `import '${from}'\n`)
      return file
    })
    assert.deepEqual(refused(tree).sort(), planted.sort())
  } finally {
    rmSync(tree, { recursive: true })
  }
})

/** Files whose imports the linter refuses. */
function refused(tree: string): string[] {
  const args = [
    'lint',
    '--vcs-enabled=false',
    '--only=noRestrictedImports',
    '--reporter=github',
    '--max-diagnostics=none',
  ]
  const { stdout } = spawnSync(biome, [...args, 'src'], { cwd: tree, encoding: 'utf8' })
  return [...stdout.matchAll(/noRestrictedImports,file=([^,]+),/g)].map((found) => relative(tree, found[1] ?? ''))
}
