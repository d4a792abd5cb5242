/**
 * A package that is bundled by itself before the program is. What it shares with the rest of the program would
 * else lie in a chunk of its own, and what is called across chunks goes through a getter each time: age's scrypt
 * took a minute instead of two seconds (docs/decisions/0027-sealed-keys.md).
 */
import { build, type Plugin } from 'esbuild'

/**
 * @param names what of the package is used
 * @param tellInputs gets the files that are in it
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
