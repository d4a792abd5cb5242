/**
 * One executable for both programs: Node, with their bundles as assets (Node's single executable
 * applications). Two builds of one commit differ in V8's code caches alone.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { writeBundles } from '../bundle.ts'

/**
 * @param folder an empty folder for the parts
 * @param output where the executable goes
 * @returns the npm packages that are in it, by their folders
 */
export async function buildExecutable(folder: string, output: string, version: string): Promise<string[]> {
  writeFileSync(`${folder}/package.json`, JSON.stringify({ name: 'frameworkd', version }))
  mkdirSync(`${folder}/templates`)
  const templates = globSync('templates/*')
  for (const path of templates) copyFileSync(path, `${folder}/${path}`)
  const bundled = await writeBundles(`${folder}/dist`)
  await build({
    entryPoints: ['src/cli/executable.ts'],
    outfile: `${folder}/frameworkd.cjs`,
    bundle: true,
    minify: true,
    // A code cache needs CommonJS.
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    legalComments: 'none',
  })
  const node = `${folder}/node`
  copyFileSync(process.execPath, node)
  execFileSync('strip', ['--strip-unneeded', node])
  const bundles = ['setup.bundle', 'daemon.bundle'].map((name) => [name, `dist/${name}`])
  writeFileSync(
    `${folder}/sea.json`,
    JSON.stringify({
      main: 'frameworkd.cjs',
      executable: 'node',
      output: resolve(output),
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      assets: Object.fromEntries([...bundles, ...['package.json', ...templates].map((path) => [path, path])]),
      // SIGUSR1 must not open the inspector, not even before our first line runs.
      execArgv: ['--disable-sigusr1', '--no-warnings'],
      // NODE_OPTIONS must not load code into a program that root runs.
      execArgvExtension: 'none',
    }),
  )
  execFileSync(process.execPath, ['--build-sea', 'sea.json'], {
    // The name of the script is in the executable, so it has to be the same wherever this is built.
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return bundled
}
