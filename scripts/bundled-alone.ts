/**
 * Bundles a package by itself, before the program is bundled. Otherwise code that it shares with the program would be
 * in another chunk, and each call into another chunk goes through a getter: age's scrypt
 * took a minute instead of two seconds (docs/decisions/0027-sealed-keys.md).
 */
import { build, type Plugin } from 'esbuild'

/**
 * @param names the exports of the package that are used
 * @param tellInputs gets the files that are bundled
 */
export function bundledAlone(
  packageName: string,
  names: readonly string[],
  tellInputs: (paths: readonly string[]) => void,
): Plugin {
  const namespace = 'bundled-alone'
  return {
    name: `${namespace}-${packageName}`,
    setup({ onLoad, onResolve }) {
      onResolve({ filter: new RegExp(`^${packageName}$`) }, () => ({ path: packageName, namespace }))
      onLoad({ filter: new RegExp(`^${packageName}$`), namespace }, async () => {
        const { outputFiles, metafile } = await build({
          stdin: { contents: `export { ${names.join(', ')} } from '${packageName}'`, resolveDir: '.' },
          bundle: true,
          minify: true,
          format: 'esm',
          platform: 'node',
          target: 'node24',
          legalComments: 'none',
          metafile: true,
          write: false,
        })
        tellInputs(Object.keys(metafile.inputs))
        return { contents: outputFiles[0]?.text ?? '' }
      })
    },
  }
}
