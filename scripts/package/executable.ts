/**
 * One executable for both programs: Node, one bundle and its code cache (Node's single executable
 * applications). Built twice from one commit it is the same, byte for byte.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { leanMysql2 } from '../lean-mysql2.ts'

/** V8's hash seed is in the code cache: a fixed one while building makes the cache the same each time. */
const sameCacheEachTime = '--random-seed=1'

/**
 * @param folder an empty folder for the parts
 * @param output where the executable goes
 * @returns the npm packages that are in it, by their folders
 */
export async function buildExecutable(folder: string, output: string, version: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: ['src/cli/executable.ts'],
    outfile: `${folder}/frameworkd.cjs`,
    bundle: true,
    minify: true,
    // A code cache needs CommonJS; what is imported lazily is then a function that runs at its first import.
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    supported: { 'dynamic-import': false },
    // Files of the package are assets of the executable.
    define: { 'import.meta.url': 'undefined' },
    legalComments: 'none',
    plugins: [leanMysql2],
    metafile: true,
  })
  const node = `${folder}/node`
  copyFileSync(process.execPath, node)
  execFileSync('strip', ['--strip-unneeded', node])
  writeFileSync(`${folder}/package.json`, JSON.stringify({ name: 'frameworkd', version }))
  const templates = globSync('templates/*').map((path) => [path, resolve(path)])
  writeFileSync(
    `${folder}/sea.json`,
    JSON.stringify({
      main: 'frameworkd.cjs',
      executable: 'node',
      output: resolve(output),
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      assets: { 'package.json': 'package.json', ...Object.fromEntries(templates) },
      // Not even for the moment before our first line may SIGUSR1 open the inspector.
      execArgv: ['--disable-sigusr1', '--no-warnings'],
      // Nor may NODE_OPTIONS load code into a program that root runs.
      execArgvExtension: 'none',
    }),
  )
  execFileSync(process.execPath, [sameCacheEachTime, '--build-sea', 'sea.json'], {
    // The name of the script is in the executable, so it has to be the same wherever this is built.
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return packagesIn(metafile)
}

function packagesIn(metafile: Metafile): string[] {
  const folders = Object.keys(metafile.inputs).map((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0])
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort((a, b) =>
    basename(a).localeCompare(basename(b)),
  )
}
