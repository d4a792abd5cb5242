/**
 * Makes dist/, or the folder that is named: one bundle a program; what is imported lazily stays a
 * chunk beside it.
 */
import { rmSync } from 'node:fs'
import { build } from 'esbuild'

const [outdir = 'dist'] = process.argv.slice(2)

rmSync(outdir, { recursive: true, force: true })
for (const program of ['setup', 'frameworkd']) {
  await build({
    entryPoints: [`src/cli/${program}.ts`],
    outdir,
    chunkNames: `${program}-[hash]`,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    legalComments: 'none',
    // Bundled CommonJS packages ask for Node's modules with require.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module';const require = makeRequire(import.meta.url);",
    },
  })
}
