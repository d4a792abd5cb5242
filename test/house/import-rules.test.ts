/** The rules of who may import whom (rev-dep.config.jsonc, biome.json); here each is broken once. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** Imports that are not allowed, by the folder of the file that has them. */
const violations: readonly [folder: string, statement: string][] = [
  ['src/text', "import '../host/host.ts'"],
  ['src/engine', "import '../setup/tasks.ts'"],
  ['src/engine', "import '../paths.ts'"],
  ['src/engine', "import type { Host } from '../host/host.ts'"],
  ['src/engine', "import 'listr2'"],
  ['src/key', "import '../store/open-store.ts'"],
  ['src/key', "import type { Settings } from '../settings/resolve.ts'"],
  ['src/key', "import 'node:fs'"],
  ['src/keycheck', "import '../setup/tasks.ts'"],
  ['src/settings', "import '../store/open-store.ts'"],
  ['src/settings', "import 'node:fs'"],
  ['src/host', "import '../settings/load.ts'"],
  ['src/host', "import '../product/package.ts'"],
  ['src/host', "import 'node:sqlite'"],
  ['src/product', "import '../cli/report-error.ts'"],
  ['src/store', "import '../engine/task.ts'"],
  ['src/setup', "import '../daemon/run.ts'"],
  ['src/setup', "import type { ParsedOptions } from '../cli/parse-options.ts'"],
  ['src/setup/tasks', "import 'node:fs/promises'"],
  ['src/daemon', "import '../setup/tasks.ts'"],
  ['src/daemon', "import 'node:child_process'"],
  ['src/daemon', "import 'node:net'"],
  ['src/daemon/listener', "import 'node:fs'"],
  ['src/cli', "import 'execa'"],
  ['src/cli', "import 'mysql2'"],
  ['src/cli', "import 'age-encryption'"],
  ['src/cli/setup', "import '@inquirer/select'"],
]

test('an import that the house forbids is refused, and so is a circle of types', () => {
  const tree = mkdtempSync(join(tmpdir(), 'frameworkd-house-'))
  try {
    for (const name of ['biome.json', 'rev-dep.config.jsonc', 'package.json', 'src', 'bin']) {
      cpSync(join(project, name), join(tree, name), { recursive: true })
    }
    symlinkSync(join(project, 'node_modules'), join(tree, 'node_modules'))
    assert.deepEqual(refused(tree), [], 'the sources themselves pass')
    const planted = violations.map(([folder, statement], index) => {
      const file = `${folder}/planted${index}.ts`
      writeFileSync(join(tree, file), `${statement}\n`)
      return file
    })
    writeFileSync(join(tree, 'src/text/one.ts'), "import type { B } from './other.ts'\nexport type A = B\n")
    writeFileSync(join(tree, 'src/text/other.ts'), "import type { A } from './one.ts'\nexport type B = A\n")
    assert.deepEqual(refused(tree), [...planted, 'src/text/one.ts', 'src/text/other.ts'].sort())
  } finally {
    rmSync(tree, { recursive: true })
  }
})

/** Files whose imports are refused. */
function refused(tree: string): string[] {
  const found = [...refusedBetweenRooms(tree), ...refusedOfNode(tree)]
  return [...new Set(found)].sort()
}

function refusedBetweenRooms(tree: string): string[] {
  const shown = run(tree, 'rev-dep', ['config', 'run', '--list-all-issues'])
  const files = [...shown.matchAll(/\] (src\/\S+) -> |^ {4}(src\/\S+)$|➞ (src\/\S+) /gm)].map((one) => one.slice(1))
  return files.map((names) => names.find((name) => name !== undefined) ?? '')
}

function refusedOfNode(tree: string): string[] {
  const args = ['lint', '--only=noRestrictedImports', '--reporter=github', '--max-diagnostics=none', 'src']
  const shown = run(tree, 'biome', args)
  return [...shown.matchAll(/noRestrictedImports,file=([^,]+),/g)].map((found) => relative(tree, found[1] ?? ''))
}

function run(folder: string, program: string, args: readonly string[]): string {
  return spawnSync(join(project, 'node_modules/.bin', program), args, { cwd: folder, encoding: 'utf8' }).stdout
}
